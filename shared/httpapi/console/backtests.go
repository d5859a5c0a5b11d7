package console

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/rule"
)

// backtestView is the view of a backtest: how far it is and, when it is over, its result.
type backtestView struct {
	*ops.Backtest
	Title string // the rule that is tried
	Rule  string // where it is stored; empty: nowhere
	Draft string // where the text that is tried can be changed; empty: it is the rule as it is
	Parts []int  // of the result, from 1
	tested
}

// tested is what a rule would have made of stored events.
type tested struct {
	Sum     *rule.Backtest       // nil: it isn't over
	Effects []option             // what would have been done, and how often
	Dropped []option             // whose unless held
	Waiting []option             // what is due after the period
	Reasons []option             // what would have kept it from acting
	Events  []rule.BacktestEvent // the first ones
	More    int                  // further ones
	Cost    string               // in 30 days, USD
}

// Name is what the progress bar is of.
func (v backtestView) Name() string { return "the backtest" }

// Progress is how far it is.
func (v backtestView) Progress() int { return v.Percent() }

func (c *Console) backtestPages() {
	show(c, page{path: "/backtests/{id}", action: "rule.read", section: "Rules", file: "backtest"}, c.backtest)
	do(c, "/rules/{id}/backtest", "rule.read", c.backtestRule)
	c.mux.HandleFunc("GET /backtests/{id}/parts/{part}", c.backtestPart)
}

// backtestDays are the periods that a rule can be tried on.
func backtestDays() []option {
	return []option{{"7", "the last 7 days"}, {"1", "the last day"}, {"30", "the last 30 days"}, {"90", "the last 90 days"}}
}

// backtestRule tries a rule as it is.
func (c *Console) backtestRule(q *request) (outcome, error) {
	id, err := json.Marshal(q.PathValue("id"))
	if err != nil {
		return outcome{}, fmt.Errorf("name the rule: %w", err)
	}
	return c.beginBacktest(q, id)
}

// beginBacktest has a rule (its text, or the id of one) tried on the events of the last days, and leads to the result.
func (c *Console) beginBacktest(q *request, text json.RawMessage) (outcome, error) {
	days, err := strconv.Atoi(q.field("days"))
	if err != nil || days < 1 || days > 90 {
		days = 7
	}
	now := c.Clock.Now()
	b, err := c.Backtests.Begin(q.Context(), rule.BacktestRequest{Rule: text, From: now.Add(-time.Duration(days) * 24 * time.Hour), To: now}, q.Actor)
	if err != nil {
		return outcome{}, fmt.Errorf("try the rule on stored events: %w", err)
	}
	return outcome{to: "/backtests/" + b.ID}, nil
}

// withMember puts a text into a JSON object as a member, in the place of one that it has. What is no object stays as it is.
func withMember(object json.RawMessage, name, value string) (json.RawMessage, error) {
	fields, err := members(object)
	if err != nil || !json.Valid(object) {
		return object, nil //nolint:nilerr // who reads it says what is wrong
	}
	text, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", name, err)
	}
	own := fmt.Appendf(nil, "{%s:%s", strconv.Quote(name), text)
	for _, f := range fields {
		if f.Name != name {
			own = fmt.Appendf(own, ",%s:%s", strconv.Quote(f.Name), f.Value)
		}
	}
	return append(own, '}'), nil
}

// draftOf is the text that a backtest tries; nil when it tries a rule as it is, or a set.
func draftOf(b *ops.Backtest) json.RawMessage {
	var asked struct {
		Rule json.RawMessage `json:"rule"`
	}
	if json.Unmarshal(b.Asked, &asked) != nil || !bytes.HasPrefix(bytes.TrimSpace(asked.Rule), []byte("{")) {
		return nil
	}
	fields, err := members(asked.Rule)
	if err != nil {
		return nil
	}
	text := []byte("{")
	for _, f := range fields {
		if f.Name == "id" {
			continue
		}
		if len(text) > 1 {
			text = append(text, ',')
		}
		text = fmt.Appendf(text, "%s:%s", strconv.Quote(f.Name), f.Value)
	}
	return append(text, '}')
}

// linesShown is how many lines of the result are shown one by one.
const linesShown = 50

func (c *Console) backtest(q *request) (backtestView, error) {
	b, err := c.Store.Backtest(q.Context(), q.PathValue("id"))
	if err != nil {
		return backtestView{}, fmt.Errorf("read backtest: %w", err)
	}
	v := backtestView{Backtest: b, Title: "a set of rules"}
	if err := c.nameTested(q, &v); err != nil {
		return v, err
	}
	if b.Status != ops.BacktestCompleted {
		return v, nil
	}
	for n := range b.Pages {
		v.Parts = append(v.Parts, n+1)
	}
	v.tested = tested{Sum: &rule.Backtest{}}
	if err := json.Unmarshal(b.Result, v.Sum); err != nil {
		return v, fmt.Errorf("read the result of backtest %s: %w", b.ID, err)
	}
	v.Effects, v.Reasons = counted(v.Sum.Effects), counted(v.Sum.Reasons)
	v.Dropped, v.Waiting = counted(v.Sum.Dropped), counted(v.Sum.Waiting)
	v.Cost = strconv.FormatFloat(v.Sum.MonthlyCost, 'f', 4, 64)
	if b.Pages == 0 {
		return v, nil
	}
	lines, err := c.Backtests.Page(q.Context(), b.ID, 0)
	if err != nil {
		return v, fmt.Errorf("read backtest: %w", err)
	}
	for d := json.NewDecoder(bytes.NewReader(lines)); d.More() && len(v.Events) < linesShown; {
		var e rule.BacktestEvent
		if err := d.Decode(&e); err != nil {
			return v, fmt.Errorf("read the result of backtest %s: %w", b.ID, err)
		}
		v.Events = append(v.Events, e)
	}
	v.More = b.Lines - len(v.Events)
	return v, nil
}

// nameTested says what is tried, and where it is from.
func (c *Console) nameTested(q *request, v *backtestView) error {
	var asked struct {
		Rule json.RawMessage `json:"rule"`
	}
	if err := json.Unmarshal(v.Asked, &asked); err != nil {
		return fmt.Errorf("read what backtest %s was asked: %w", v.ID, err)
	}
	if asked.Rule == nil {
		return nil
	}
	var draft struct{ ID, Name string }
	if json.Unmarshal(asked.Rule, &draft) != nil {
		if err := json.Unmarshal(asked.Rule, &draft.ID); err != nil {
			return fmt.Errorf("read what backtest %s was asked: %w", v.ID, err)
		}
	}
	v.Title = draft.Name
	stored, err := c.Rules.Get(q.Context(), draft.ID)
	if err == nil {
		v.Title, v.Rule = stored.Name, "/rules/"+stored.ID
	} else if ops.ErrorCode(err) != ops.CodeNotFound {
		return fmt.Errorf("read rule: %w", err)
	}
	if draftOf(v.Backtest) != nil {
		if v.Draft = "/rules/new"; v.Rule != "" {
			v.Draft = v.Rule + "/edit"
		}
		v.Draft += "?backtest=" + v.ID
	}
	return nil
}

// backtestPart is a part of the result, to be kept as a file.
func (c *Console) backtestPart(w http.ResponseWriter, r *http.Request) {
	q, ok := c.enter(w, r, "rule.read")
	if !ok {
		return
	}
	part, err := strconv.Atoi(q.PathValue("part"))
	if err != nil || part < 1 {
		c.fail(w, q, ops.Errorf(ops.CodeNotFound, "the backtest has no part %q", q.PathValue("part")))
		return
	}
	lines, err := c.Backtests.Page(q.Context(), q.PathValue("id"), part-1)
	if err != nil {
		c.fail(w, q, err)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", fmt.Sprintf("%s-%d.ndjson", q.PathValue("id"), part)))
	_, _ = w.Write(lines) // the visitor has gone if this fails
}

// counted lists counts by name.
func counted(counts map[string]int) []option {
	list := make([]option, 0, len(counts))
	for name, n := range counts {
		list = append(list, option{strconv.Itoa(n), words(name)})
	}
	slices.SortFunc(list, func(a, b option) int {
		if a.Text < b.Text {
			return -1
		}
		return 1
	})
	return list
}
