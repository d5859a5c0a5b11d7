// Package tour plays a day of a small marketplace at a running local system, whose time it moves: bookings, payments, a
// failing step, a late payment, a bad rating, a vendor who declines. It does nothing that people and booking systems could
// not do over the API.
package tour

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"opsflow/shared/ops"
)

// person is somebody who takes part in the tour.
type person struct {
	name string
	team ops.Team
}

// The people of the tour.
var (
	ada    = person{"ada", ops.Admin}
	olivia = person{"olivia", ops.Operations}
	omar   = person{"omar", ops.Operations}
	vikram = person{"vikram", ops.VendorManagement}
	vera   = person{"vera", ops.VendorManagement}
	quinn  = person{"quinn", ops.QualityAssurance}
	farah  = person{"farah", ops.Finance}
	faisal = person{"faisal", ops.Finance}
)

// members are those that work is given to.
func members() []person { return []person{olivia, omar, vikram, vera, quinn, farah, faisal} }

// scene is one thing that happens in the tour.
type scene struct {
	at   time.Duration // since the tour's midnight
	tell string
	do   func(ctx context.Context, t *Tour) error
}

// Call sends one request to the local system's API, or to what it has beside it (/dev/clock, /dev/token). An empty token is
// none. The answer is JSON; a refusal is an error of package ops with its code.
type Call func(ctx context.Context, method, path, token string, body []byte) (json.RawMessage, error)

// Tour plays at a running local system. What it makes there has names of its own, so that several tours don't meet. It is
// for one goroutine.
type Tour struct {
	call     Call
	run      string // part of every name
	midnight time.Time
	events   int
	tokens   map[person]lent
}

// lent is the token of a person, and until when it is taken for good.
type lent struct {
	token string
	until time.Time
}

// tokenLife is for how long a tour uses a token, in the local system's time: less than the token lives.
const tokenLife = 6 * time.Hour

// New makes a tour of the next working day that has not begun yet. An error other than the Call's: there is no local system.
func New(ctx context.Context, call Call) (*Tour, error) {
	t := &Tour{call: call, run: strings.ToLower(rand.Text()[:5]), tokens: map[person]lent{}}
	now, err := t.now(ctx)
	if ops.ErrorCode(err) == ops.CodeNotFound {
		return nil, errors.New("the tour needs the local runtime (opsflow dev): it moves the time")
	}
	if err != nil {
		return nil, err
	}
	t.midnight = now.Truncate(24*time.Hour).AddDate(0, 0, 1)
	for t.midnight.Weekday() < time.Monday || t.midnight.Weekday() > time.Thursday {
		t.midnight = t.midnight.AddDate(0, 0, 1) // the day after is played too
	}
	return t, nil
}

// Play goes through the day's scenes, with a pause of real time after each, and tells each before it happens: when it is in
// the tour, what happens, and which part of the tour is over (0 to 1).
func (t *Tour) Play(ctx context.Context, pause time.Duration, tell func(at time.Time, what string, over float64)) error {
	scenes := day()
	for n, sc := range scenes {
		at := t.midnight.Add(sc.at)
		if err := t.advance(ctx, at); err != nil {
			return err
		}
		tell(at, sc.tell, float64(n)/float64(len(scenes)))
		if err := sc.do(ctx, t); err != nil {
			return fmt.Errorf("%s: %w", sc.tell, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
	return t.settle(ctx)
}

// id is a name of this tour's own.
func (t *Tour) id(name string) string { return name + "-" + t.run }

// own reports whether an id is of this tour.
func (t *Tour) own(id string) bool { return strings.HasSuffix(id, "-"+t.run) }

func (t *Tour) now(ctx context.Context) (time.Time, error) {
	answer, err := t.call(ctx, http.MethodGet, "/dev/clock", "", nil)
	if err != nil {
		return time.Time{}, err
	}
	var clock struct {
		Now time.Time `json:"now"`
	}
	err = decode(answer, &clock)
	return clock.Now, err
}

// advance moves the time to at, through everything that falls due, and returns when nothing is going on.
func (t *Tour) advance(ctx context.Context, at time.Time) error {
	now, err := t.now(ctx)
	if err != nil {
		return err
	}
	return t.move(ctx, max(at.Sub(now), 0))
}

// settle returns when nothing is going on any more.
func (t *Tour) settle(ctx context.Context) error { return t.move(ctx, 0) }

func (t *Tour) move(ctx context.Context, d time.Duration) error {
	_, err := t.call(ctx, http.MethodPost, "/dev/clock", "", []byte(`{"advance":"`+d.String()+`"}`))
	return err
}

// as sends a request as a person.
func (t *Tour) as(ctx context.Context, p person, method, path string, body any) (json.RawMessage, error) {
	now, err := t.now(ctx)
	if err != nil {
		return nil, err
	}
	l := t.tokens[p]
	if now.After(l.until) {
		token, err := t.lend(ctx, p)
		if err != nil {
			return nil, err
		}
		l = lent{token, now.Add(tokenLife)}
		t.tokens[p] = l
	}
	var text []byte
	if body != nil {
		if text, err = json.Marshal(body); err != nil {
			return nil, fmt.Errorf("write the request: %w", err)
		}
	}
	return t.call(ctx, method, path, l.token, text)
}

// lend asks the local system for a person's token.
func (t *Tour) lend(ctx context.Context, p person) (string, error) {
	q := query("user", p.name, "groups", strings.ToLower(string(p.team)))
	answer, err := t.call(ctx, http.MethodGet, "/dev/token?"+q.Encode(), "", nil)
	if err != nil {
		return "", err
	}
	var made struct {
		AccessToken string `json:"access_token"`
	}
	err = decode(answer, &made)
	return made.AccessToken, err
}

// event puts a domain event on the bus, as the booking system does.
func (t *Tour) event(ctx context.Context, detailType ops.EventType, detail map[string]any) error {
	_, err := t.as(ctx, olivia, http.MethodPost, "/v1/events", map[string]any{"type": detailType, "source": "booking", "detail": detail})
	if err != nil {
		return err
	}
	t.events++
	return t.settle(ctx)
}

// listAs reads all pages of a list.
func listAs[T any](ctx context.Context, t *Tour, p person, path string, q url.Values) ([]T, error) {
	var all []T
	for q.Set("limit", "100"); ; {
		answer, err := t.as(ctx, p, http.MethodGet, path+"?"+q.Encode(), nil)
		if err != nil {
			return nil, err
		}
		var pg struct {
			Items      []T     `json:"items"`
			NextCursor *string `json:"next_cursor"`
		}
		if err := decode(answer, &pg); err != nil {
			return nil, err
		}
		if all = append(all, pg.Items...); pg.NextCursor == nil {
			return all, nil
		}
		q.Set("cursor", *pg.NextCursor)
	}
}

// tasks lists the undecided tasks of one step of this tour's, in an order that is the same each time.
func (t *Tour) tasks(ctx context.Context, team ops.Team, step string) ([]*ops.Task, error) {
	all, err := listAs[*ops.Task](ctx, t, olivia, "/v1/tasks", query("team", string(team)))
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(k *ops.Task) bool { return k.Status.Decided() || !t.own(k.Subject.ID) || k.Step != step })
	slices.SortFunc(all, func(a, b *ops.Task) int { return strings.Compare(a.Subject.ID, b.Subject.ID) })
	return all, nil
}

// decide answers the tasks of one step, each as the person whose it is: as how says. A task for which it gives nil stays open.
func (t *Tour) decide(ctx context.Context, team ops.Team, step string, how func(k *ops.Task) *decision) error {
	tasks, err := t.tasks(ctx, team, step)
	if err != nil {
		return err
	}
	for _, k := range tasks {
		d := how(k)
		if d == nil {
			continue
		}
		move, body := "complete", map[string]any{"outcome": d.outcome, "comment": d.comment}
		if d.form != nil {
			body["form"] = d.form
		}
		if d.outcome == "" {
			delete(body, "outcome")
		}
		if d.outcome == "rejected" {
			move, body = "reject", map[string]any{"comment": d.comment}
		}
		if _, err := t.as(ctx, person{k.Assignee, team}, http.MethodPost, taskPath(k.ID)+"/"+move, body); err != nil {
			return fmt.Errorf("%s of %s: %w", k.Step, k.Subject, err)
		}
	}
	return t.settle(ctx)
}

// decision is how somebody answers a task.
type decision struct {
	outcome string // empty: the only one there is; "rejected" rejects
	form    map[string]any
	comment string
}

// start starts a workflow.
func (t *Tour) start(ctx context.Context, p person, template string, subject ops.SubjectRef, given map[string]any) error {
	_, err := t.as(ctx, p, http.MethodPost, "/v1/workflows", map[string]any{"template": template, "subject": subject, "context": given})
	if err != nil {
		return err
	}
	return t.settle(ctx)
}

// workflow reads the only workflow of a template about a subject.
func (t *Tour) workflow(ctx context.Context, template, subject string) (*ops.Instance, error) {
	found, err := listAs[*ops.Instance](ctx, t, olivia, "/v1/workflows", query("subject", subject, "template", template))
	if err != nil {
		return nil, err
	}
	if len(found) != 1 {
		return nil, fmt.Errorf("there are %d %s about %s, want 1", len(found), template, subject)
	}
	answer, err := t.as(ctx, olivia, http.MethodGet, workflowPath(found[0].ID), nil)
	if err != nil {
		return nil, err
	}
	i := &ops.Instance{}
	return i, decode(answer, i)
}

// assigned is the vendor that a booking was given to.
func (t *Tour) assigned(ctx context.Context, b demoBooking) (string, error) {
	i, err := t.workflow(ctx, "vendor_assignment", "booking/"+t.id(b.name))
	if err != nil {
		return "", err
	}
	var out struct {
		VendorID string `json:"vendor_id"`
	}
	if r := i.Step("assign"); r != nil && len(r.Output) > 0 {
		if err := decode(r.Output, &out); err != nil {
			return "", err
		}
	}
	if out.VendorID == "" {
		return "", fmt.Errorf("workflow %s has assigned no vendor", i.ID)
	}
	return out.VendorID, nil
}

// alerts does something to this tour's open alerts of a type.
func (t *Tour) alerts(ctx context.Context, p person, kind ops.AlertType, move, resolution string) error {
	all, err := listAs[*ops.Alert](ctx, t, p, "/v1/alerts", query("type", string(kind), "status", string(ops.AlertOpen)))
	if err != nil {
		return err
	}
	for _, a := range all {
		if !t.own(a.Subject.ID) {
			continue
		}
		var body any
		if resolution != "" {
			body = map[string]string{"resolution": resolution}
		}
		if _, err := t.as(ctx, p, http.MethodPost, "/v1/alerts/"+url.PathEscape(a.ID)+"/"+move, body); err != nil {
			return err
		}
	}
	return t.settle(ctx)
}

func taskPath(id string) string { return "/v1/tasks/" + url.PathEscape(id) }

func workflowPath(id string) string { return "/v1/workflows/" + url.PathEscape(id) }

// query makes the parameters of a list of pairs of name and value.
func query(pairs ...string) url.Values {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return q
}

// decode reads an answer of the API.
func decode(answer json.RawMessage, v any) error {
	if err := json.Unmarshal(answer, v); err != nil {
		return fmt.Errorf("read the API's answer: %w", err)
	}
	return nil
}
