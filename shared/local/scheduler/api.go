package scheduler

import (
	"cmp"
	"maps"
	"net/http"
	"slices"

	"opsflow/shared/local/constraint"
	"opsflow/shared/local/epoch"
	"opsflow/shared/local/events"
)

func operations() map[string]operation {
	return map[string]operation{
		"POST /schedules/{name}":         apiCreate,
		"PUT /schedules/{name}":          apiUpdate,
		"GET /schedules/{name}":          apiGet,
		"DELETE /schedules/{name}":       apiDelete,
		"GET /schedules":                 apiList,
		"POST /schedule-groups/{name}":   apiCreateGroup,
		"GET /schedule-groups/{name}":    apiGetGroup,
		"DELETE /schedule-groups/{name}": apiDeleteGroup,
		"GET /schedule-groups":           apiListGroups,
		"POST /tags/{arn...}":            apiTag,
		"DELETE /tags/{arn...}":          apiUntag,
		"GET /tags/{arn...}":             apiTags,
	}
}

// described is a schedule as the API has it.
type described struct {
	Name                       string
	Arn                        string `json:",omitempty"`
	GroupName                  string
	Description                string `json:",omitempty"`
	ScheduleExpression         string
	ScheduleExpressionTimezone string
	StartDate                  epoch.Time `json:",omitzero"`
	EndDate                    epoch.Time `json:",omitzero"`
	FlexibleTimeWindow         *window
	State                      string
	ActionAfterCompletion      string
	KmsKeyArn                  string `json:",omitempty"`
	Target                     *Target
	ClientToken                string     `json:",omitempty"`
	CreationDate               epoch.Time `json:",omitzero"`
	LastModificationDate       epoch.Time `json:",omitzero"`
}

type window struct {
	Mode                   string
	MaximumWindowInMinutes *int `json:",omitempty"`
}

const (
	enabled, disabled = "ENABLED", "DISABLED"
	none, remove      = "NONE", "DELETE"
	off, flexible     = "OFF", "FLEXIBLE"
)

func (s *Schedule) state() string {
	if s.Disabled {
		return disabled
	}
	return enabled
}

// parse reads what CreateSchedule, UpdateSchedule and templates say of a schedule.
func parse(body []byte) (*Schedule, constraint.Faults, error) {
	var in described
	if err := decode(body, &in); err != nil {
		return nil, nil, err
	}
	var f constraint.Faults
	s := &Schedule{
		Name: in.Name, Group: in.GroupName, Description: in.Description, Expression: in.ScheduleExpression, Zone: in.ScheduleExpressionTimezone,
		Start: in.StartDate.Std().UTC(), End: in.EndDate.Std().UTC(), KMSKey: in.KmsKeyArn, Token: in.ClientToken,
		Disabled: in.State == disabled, Delete: in.ActionAfterCompletion == remove,
	}
	f.Enum("state", cmp.Or(in.State, enabled), enabled, disabled)
	f.Enum("actionAfterCompletion", cmp.Or(in.ActionAfterCompletion, none), none, remove)
	switch w := in.FlexibleTimeWindow; {
	case w == nil:
		f.Required("flexibleTimeWindow", "")
	case w.Mode == flexible && w.MaximumWindowInMinutes == nil:
		return nil, nil, invalid("A value for MaximumWindowInMinutes is required for FLEXIBLE FlexibleTimeWindow.")
	case w.Mode == off && w.MaximumWindowInMinutes != nil:
		return nil, nil, invalid("MaximumWindowInMinutes must be empty for OFF FlexibleTimeWindow.")
	default:
		f.Enum("flexibleTimeWindow.mode", w.Mode, off, flexible)
		if w.MaximumWindowInMinutes != nil {
			s.Window = *w.MaximumWindowInMinutes
			f.Range("flexibleTimeWindow.maximumWindowInMinutes", s.Window, 1, 1440)
		}
	}
	if in.Target == nil {
		f.Required("target", "")
		return nil, nil, invalid("%s", f.Text())
	}
	s.Target = *in.Target
	attempts, age := 185, 86400 // the defaults
	policy := events.RetryPolicy{MaximumRetryAttempts: &attempts, MaximumEventAgeInSeconds: &age}
	if given := in.Target.RetryPolicy; given != nil {
		if given.MaximumRetryAttempts != nil {
			policy.MaximumRetryAttempts = given.MaximumRetryAttempts
		}
		if given.MaximumEventAgeInSeconds != nil {
			policy.MaximumEventAgeInSeconds = given.MaximumEventAgeInSeconds
		}
	}
	s.Target.RetryPolicy = &policy
	return s, f, nil
}

func (s *Schedule) described() described {
	d := described{
		Name: s.Name, Arn: s.ARN, GroupName: s.Group, Description: s.Description, ScheduleExpression: s.Expression,
		ScheduleExpressionTimezone: s.Zone, StartDate: epoch.Time(s.Start), EndDate: epoch.Time(s.End), FlexibleTimeWindow: &window{Mode: off},
		State: s.state(), ActionAfterCompletion: none, KmsKeyArn: s.KMSKey, Target: &s.Target,
		CreationDate: epoch.Time(s.Created), LastModificationDate: epoch.Time(s.Modified),
	}
	if s.Window > 0 {
		d.FlexibleTimeWindow = &window{flexible, &s.Window}
	}
	if s.Delete {
		d.ActionAfterCompletion = remove
	}
	return d
}

func apiCreate(r *http.Request, e *Engine, body []byte) (any, error) {
	s, faults, err := parse(body)
	if err != nil {
		return nil, err
	}
	s.Name = r.PathValue("name")
	arn, err := e.create(r.Context(), s, faults)
	return map[string]string{"ScheduleArn": arn}, err
}

func apiUpdate(r *http.Request, e *Engine, body []byte) (any, error) {
	s, faults, err := parse(body)
	if err != nil {
		return nil, err
	}
	s.Name = r.PathValue("name")
	arn, err := e.update(r.Context(), s, faults)
	return map[string]string{"ScheduleArn": arn}, err
}

func apiGet(r *http.Request, e *Engine, _ []byte) (any, error) {
	s, err := e.get(r.URL.Query().Get("groupName"), r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	return s.described(), nil
}

func apiDelete(r *http.Request, e *Engine, _ []byte) (any, error) {
	return struct{}{}, e.Delete(r.Context(), r.URL.Query().Get("groupName"), r.PathValue("name"))
}

func apiList(r *http.Request, e *Engine, _ []byte) (any, error) {
	q := r.URL.Query()
	all, err := e.list(q.Get("ScheduleGroup"), q.Get("NamePrefix"), q.Get("State"))
	if err != nil {
		return nil, err
	}
	part, next, err := page(r, all, func(s **Schedule) string { return (*s).key() })
	if err != nil {
		return nil, err
	}
	type targetSummary struct{ Arn string }
	type summary struct {
		Arn, GroupName, Name, State        string
		CreationDate, LastModificationDate epoch.Time
		Target                             targetSummary
	}
	out := struct {
		Schedules []summary
		NextToken string `json:",omitempty"`
	}{make([]summary, len(part)), next}
	for i, s := range part {
		out.Schedules[i] = summary{s.ARN, s.Group, s.Name, s.state(), epoch.Time(s.Created), epoch.Time(s.Modified), targetSummary{s.Target.ARN}}
	}
	return out, nil
}

// tag is a tag as the API has it.
type tag struct{ Key, Value string }

func byKey(list []tag) map[string]string {
	tags := map[string]string{}
	for _, t := range list {
		tags[t.Key] = t.Value
	}
	return tags
}

func apiCreateGroup(r *http.Request, e *Engine, body []byte) (any, error) {
	var in struct {
		ClientToken string
		Tags        []tag
	}
	if err := decode(body, &in); err != nil {
		return nil, err
	}
	arn, err := e.createGroup(r.Context(), r.PathValue("name"), in.ClientToken, byKey(in.Tags))
	return map[string]string{"ScheduleGroupArn": arn}, err
}

type groupOut struct {
	Arn, Name, State                   string
	CreationDate, LastModificationDate epoch.Time
}

func (e *Engine) show(g *group) groupOut {
	return groupOut{e.groupARN(g.Name), g.Name, "ACTIVE", epoch.Time(g.Created), epoch.Time(g.Modified)}
}

func apiGetGroup(r *http.Request, e *Engine, _ []byte) (any, error) {
	g, err := e.group(r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	return e.show(g), nil
}

func apiDeleteGroup(r *http.Request, e *Engine, _ []byte) (any, error) {
	return struct{}{}, e.DeleteGroup(r.Context(), r.PathValue("name"))
}

func apiListGroups(r *http.Request, e *Engine, _ []byte) (any, error) {
	part, next, err := page(r, e.listGroups(r.URL.Query().Get("NamePrefix")), func(g **group) string { return (*g).Name })
	if err != nil {
		return nil, err
	}
	out := struct {
		ScheduleGroups []groupOut
		NextToken      string `json:",omitempty"`
	}{make([]groupOut, len(part)), next}
	for i, g := range part {
		out.ScheduleGroups[i] = e.show(g)
	}
	return out, nil
}

func apiTag(r *http.Request, e *Engine, body []byte) (any, error) {
	var in struct{ Tags []tag }
	if err := decode(body, &in); err != nil {
		return nil, err
	}
	return struct{}{}, e.retag(r.Context(), r.PathValue("arn"), func(tags map[string]string) { maps.Copy(tags, byKey(in.Tags)) })
}

func apiUntag(r *http.Request, e *Engine, _ []byte) (any, error) {
	return struct{}{}, e.retag(r.Context(), r.PathValue("arn"), func(tags map[string]string) {
		for _, key := range r.URL.Query()["TagKeys"] {
			delete(tags, key)
		}
	})
}

func apiTags(r *http.Request, e *Engine, _ []byte) (any, error) {
	tags, err := e.tags(r.PathValue("arn"))
	if err != nil {
		return nil, err
	}
	out := struct{ Tags []tag }{[]tag{}}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out.Tags = append(out.Tags, tag{key, tags[key]})
	}
	return out, nil
}
