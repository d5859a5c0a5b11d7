package states

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"opsflow/shared/local/states/value"
)

// Which fields each object of a definition may have (Amazon States Language, JSONPath dialect). Step Functions refuses every
// other one, also where it would have a meaning on another type of state.
var (
	graphFields     = []string{"Comment", "QueryLanguage", "StartAt", "States"}
	machineFields   = append([]string{"TimeoutSeconds", "Version"}, graphFields...)
	processorFields = append([]string{"ProcessorConfig"}, graphFields...)
	configFields    = []string{"ExecutionType", "Mode"}

	everyState   = []string{"Comment", "QueryLanguage", "Type"}
	transitional = []string{"End", "Next"}
	passing      = []string{"InputPath", "OutputPath"}
	assigning    = []string{"Assign"}
	resulting    = []string{"Parameters", "ResultPath"}
	failing      = []string{"Catch", "ResultSelector", "Retry"}

	stateFields = map[string][]string{
		"Pass": slices.Concat(everyState, transitional, passing, assigning, resulting, []string{"Result"}),
		"Task": slices.Concat(everyState, transitional, passing, assigning, resulting, failing, []string{
			"Credentials", "HeartbeatSeconds", "HeartbeatSecondsPath", "Resource", "TimeoutSeconds", "TimeoutSecondsPath",
		}),
		"Choice": slices.Concat(everyState, passing, assigning, []string{"Choices", "Default"}),
		"Wait": slices.Concat(everyState, transitional, passing, assigning, []string{
			"Seconds", "SecondsPath", "Timestamp", "TimestampPath",
		}),
		"Succeed":  slices.Concat(everyState, passing),
		"Fail":     slices.Concat(everyState, []string{"Cause", "CausePath", "Error", "ErrorPath"}),
		"Parallel": slices.Concat(everyState, transitional, passing, assigning, resulting, failing, []string{"Branches"}),
		"Map": slices.Concat(everyState, transitional, passing, assigning, resulting, failing, distributedOnly, []string{
			"ItemProcessor", "ItemSelector", "ItemsPath", "Iterator", "MaxConcurrency", "MaxConcurrencyPath",
		}),
	}
	distributedOnly = []string{
		"ItemBatcher", "ItemReader", "Label", "ResultWriter", "ToleratedFailureCount", "ToleratedFailureCountPath",
		"ToleratedFailurePercentage", "ToleratedFailurePercentagePath",
	}

	retrierFields = []string{
		"BackoffRate", "Comment", "ErrorEquals", "IntervalSeconds", "JitterStrategy", "MaxAttempts", "MaxDelaySeconds",
	}
	catcherFields = []string{"Assign", "Comment", "ErrorEquals", "Next", "ResultPath"}
	batcherFields = []string{
		"BatchInput", "MaxInputBytesPerBatch", "MaxInputBytesPerBatchPath", "MaxItemsPerBatch", "MaxItemsPerBatchPath",
	}
	conditionFields = []string{"And", "Not", "Or", "Variable"}
	choiceFields    = append([]string{"Assign", "Comment", "Next"}, conditionFields...)
)

// Limits of values, as AWS documents them.
const (
	maxStateName    = 80         // characters
	maxVariableName = 80         // characters
	maxSeconds      = 99_999_999 // of timeouts, intervals and attempts
	maxDelaySeconds = 31_622_400 // a leap year
)

// only reports each member whose name is not one of those that are known.
func (f fields) only(known []string) {
	for _, m := range f.o.Members() {
		if !slices.Contains(known, m.Key) {
			f.schema(f.at, "Field '%s' is not supported", m.Key)
		}
	}
}

// onlyOf is only for a condition, in which comparison operators are known too.
func (f fields) onlyOf(known []string) {
	for _, m := range f.o.Members() {
		operator, byPath := strings.CutSuffix(m.Key, "Path")
		if kind, ok := comparisonOperands[operator]; ok && (!byPath || kind != "is") {
			continue
		}
		if !slices.Contains(known, m.Key) {
			f.schema(f.at, "Field '%s' is not supported", m.Key)
		}
	}
}

// oneOf is a text out of a few; "" when it is absent.
func (f fields) oneOf(name string, values ...string) string {
	s := f.text(name)
	if f.has(name) && !slices.Contains(values, s) {
		f.schema(f.where(name), "Value is not valid: expected one of [%s]", strings.Join(values, ", "))
	}
	return s
}

var variableName = regexp.MustCompile(`^[\p{L}_][\p{L}\p{Nd}_]*$`)

// variable reports a name that no variable can have.
func (f fields) variable(name string) {
	name = strings.TrimSuffix(name, ".$")
	switch {
	case name == "states":
		f.schema(f.where("Assign"), "Variable name 'states' is reserved")
	case utf8.RuneCountInString(name) > maxVariableName:
		f.schema(f.where("Assign"), "Variable name '%s' is longer than %d characters", name, maxVariableName)
	case !variableName.MatchString(name):
		f.schema(f.where("Assign"), "Variable name '%s' is not valid", name)
	}
}

// credentials reads the role that a task is done as; nil when the field is not there.
func (f fields) credentials() template {
	o, ok := f.o.Get("Credentials")
	if !ok {
		return nil
	}
	c, ok := o.(*value.Object)
	if !ok {
		f.schema(f.where("Credentials"), "Expected value of type Object")
		return nil
	}
	in := fields{f.diagnostics, c, f.where("Credentials")}
	in.only([]string{"RoleArn", "RoleArn.$"})
	in.exclusive(true, "RoleArn", "RoleArn.$")
	return f.template("Credentials")
}

// ends reports a graph that has no state in which it could end, or states that nothing leads to.
func (p *definitionParser) ends(g *graph, names []string, at string) {
	terminal := func(s *state) bool {
		return s.kind == "Succeed" || s.kind == "Fail" || s.kind != "Choice" && s.next == ""
	}
	if !slices.ContainsFunc(names, func(name string) bool { return terminal(g.states[name]) }) {
		p.add(codeNoEnd, "", "Workflow has no terminal state")
		return
	}
	reached := map[string]bool{}
	todo := []string{g.startAt}
	for len(todo) > 0 {
		name := todo[0]
		todo = todo[1:]
		s := g.states[name]
		if s == nil || reached[name] {
			continue
		}
		reached[name] = true
		todo = append(todo, s.next)
		for _, c := range s.choices {
			todo = append(todo, c.next)
		}
		for _, c := range s.catch {
			todo = append(todo, c.next)
		}
	}
	for _, name := range names {
		if !reached[name] {
			p.add(codeTransition, at+"/States/"+name, "State \"%s\" is not reachable.", name)
		}
	}
}
