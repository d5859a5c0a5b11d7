package states

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"opsflow/shared/local/states/value"
)

// graph is a state machine, or a branch of a Parallel state, or the processor of a Map state.
type graph struct {
	startAt string
	states  map[string]*state
	timeout int64 // seconds for the whole execution; 0: none
}

// state is one compiled state. Which fields are set depends on the type.
type state struct {
	name, kind string
	next       string // empty: this state ends its graph

	inputPath, outputPath *reference // nil: $
	noInput, noOutput     bool       // the path is null: {}
	resultPath            *reference // nil: $
	noResult              bool       // ResultPath is null: the result is dropped
	parameters, selector  template   // Parameters, ResultSelector; nil: absent
	credentials           template   // of a Task; nil: absent
	assign                assignment
	retry                 []retrier
	catch                 []catcher

	result    any // Pass
	hasResult bool

	choices []choiceRule // Choice; next is Default

	seconds, timestamp         string // Wait: literals
	secondsPath, timestampPath *reference

	errorText, causeText template // Fail

	resource                   string // Task
	timeout, heartbeat         int64
	timeoutPath, heartbeatPath *reference

	branches []*graph // Parallel: each; Map: the processor
	mapping  *mapping
}

// yields says whether the state has a result of its own, to which ResultPath applies.
func (s *state) yields() bool { return s.kind == "Pass" || s.kind == "Task" || len(s.branches) > 0 }

// mapping is what only a Map state has.
type mapping struct {
	itemsPath       *reference
	selector        template
	distributed     bool
	express         bool // of a distributed Map: its children's type
	concurrency     int64
	concurrencyPath *reference
	tolerate        tolerance
	batch           *batching
	reader          *reader
	writer          *writer
	label           string
	source          *value.Object // the processor's definition
}

// tolerance is how many items of a distributed Map may fail.
type tolerance struct {
	count                     *int64
	percentage                *float64
	countPath, percentagePath *reference
}

// batching is ItemBatcher.
type batching struct {
	items, bytes         int64
	itemsPath, bytesPath *reference
	input                template
}

type retrier struct {
	errors      []string
	interval    float64 // seconds
	maxAttempts int64
	backoff     float64
	maxDelay    float64 // seconds; 0: none
	fullJitter  bool
}

type catcher struct {
	errors     []string
	next       string
	resultPath *reference
	noResult   bool
	assign     assignment
}

// assignment is Assign: variables and what they become, all evaluated before any is set.
type assignment []field

// parseDefinition compiles a definition for a type of state machine. With errors among the diagnostics there is no graph.
func parseDefinition(text, kind string) (*graph, diagnostics) {
	var d diagnostics
	obj := d.object(text)
	if obj == nil {
		return nil, d
	}
	p := &definitionParser{diagnostics: &d, seen: map[string]bool{}, labels: map[string]bool{}, express: kind == TypeExpress}
	g := p.graph(obj, "", machineFields)
	if len(d) > 0 {
		return nil, d
	}
	return g, nil
}

// parseState compiles the definition of one state, whatever it leads to.
func parseState(text string) (*state, diagnostics) {
	var d diagnostics
	obj := d.object(text)
	if obj == nil {
		return nil, d
	}
	p := &definitionParser{diagnostics: &d, seen: map[string]bool{}, labels: map[string]bool{}}
	return p.state("State", obj, ""), d
}

// object reads a definition's JSON; nil when it is not even that.
func (d *diagnostics) object(text string) *value.Object {
	if strings.TrimSpace(text) == "" {
		d.schema("", "Definition must be a valid JSON object")
		return nil
	}
	v, repeated, err := value.ParseUnique([]byte(text))
	if err != nil {
		d.add(codeNotJSON, "", "%s", jacksonMessage(text, err))
		return nil
	}
	for _, at := range repeated {
		d.repeated(at)
	}
	obj, ok := v.(*value.Object)
	if !ok {
		d.schema("", "Definition must be a valid JSON object")
		return nil
	}
	return obj
}

// repeated tells of a member that its object has twice: the last would count, and nobody could have meant that.
func (d *diagnostics) repeated(at string) {
	parts := strings.Split(at, "/")
	name := parts[len(parts)-1]
	if len(parts) > 2 && parts[len(parts)-2] == "States" {
		d.add(codeDuplicate, at, "Duplicate State name: %s", name)
		return
	}
	d.add(codeNotJSON, at, "Duplicate field '%s'", name)
}

var firstToken = regexp.MustCompile(`^\s*([A-Za-z_][A-Za-z_0-9]*)`)

// jacksonMessage words a syntax error as Step Functions does.
func jacksonMessage(text string, err error) string {
	if m := firstToken.FindStringSubmatch(text); m != nil && m[1] != "true" && m[1] != "false" && m[1] != "null" {
		return fmt.Sprintf("Unrecognized token '%s': was expecting "+
			"(JSON String, Number, Array, Object or token 'null', 'true' or 'false')", m[1])
	}
	return err.Error()
}

var errNoJSONata = errors.New("the JSONata dialect is not supported; use JSONPath")

type definitionParser struct {
	*diagnostics
	seen    map[string]bool // state names, which are unique in the whole definition
	labels  map[string]bool // of Map states, which are, too
	express bool            // for a state machine of this type, which can't wait for anybody
}

func (p *definitionParser) graph(o *value.Object, at string, known []string) *graph {
	g := &graph{states: map[string]*state{}}
	here := at
	if here == "" {
		here = "/"
	}
	p.dialect(o, here)
	fields{p.diagnostics, o, here}.only(known)
	var missing []string
	for _, name := range []string{"States", "StartAt"} {
		if _, ok := o.Get(name); !ok {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		p.schema(here, "These fields are required: [%s]", strings.Join(missing, ", "))
		return nil
	}
	f := fields{p.diagnostics, o, at}
	g.startAt = f.text("StartAt")
	if at == "" {
		g.timeout = f.whole("TimeoutSeconds", 1)
		if v, ok := o.Get("Version"); ok && v != "1.0" {
			p.schema(at+"/Version", "Value is not valid: expected \"1.0\"")
		}
	}
	all, ok := f.object("States")
	if !ok || all.Len() == 0 {
		p.schema(at+"/States", "Field States must be an object with at least one state")
		return nil
	}
	for _, m := range all.Members() {
		where := at + "/States/" + m.Key
		if p.seen[m.Key] {
			p.add(codeDuplicate, where, "Duplicate State name: %s", m.Key)
		}
		p.seen[m.Key] = true
		if utf8.RuneCountInString(m.Key) > maxStateName {
			p.schema(where, "State name is longer than %d characters", maxStateName)
		}
		so, ok := m.Value.(*value.Object)
		if !ok {
			p.schema(where, "A state must be an object")
			continue
		}
		g.states[m.Key] = p.state(m.Key, so, where)
	}
	if g.states[g.startAt] == nil {
		p.add(codeTransition, at+"/StartAt", "Missing 'Next' target: %s", g.startAt)
	}
	for _, m := range all.Members() {
		if s := g.states[m.Key]; s != nil {
			p.targets(g, s, at+"/States/"+m.Key)
		}
	}
	names := make([]string, 0, all.Len())
	for _, m := range all.Members() {
		if g.states[m.Key] != nil {
			names = append(names, m.Key)
		}
	}
	p.ends(g, names, at)
	return g
}

// targets checks that everything that a state leads to exists.
func (p *definitionParser) targets(g *graph, s *state, at string) {
	check := func(name, where string) {
		if name != "" && g.states[name] == nil {
			p.add(codeTransition, where, "Missing 'Next' target: %s", name)
		}
	}
	if s.kind == "Choice" {
		check(s.next, at+"/Default")
	} else {
		check(s.next, at+"/Next")
	}
	for i, c := range s.choices {
		check(c.next, fmt.Sprintf("%s/Choices[%d]/Next", at, i))
	}
	for i, c := range s.catch {
		check(c.next, fmt.Sprintf("%s/Catch[%d]/Next", at, i))
	}
}

func (p *definitionParser) dialect(o *value.Object, at string) {
	v, ok := o.Get("QueryLanguage")
	switch {
	case !ok || v == "JSONPath":
	case v == "JSONata":
		p.add(codeUnsupported, at, "%v", errNoJSONata)
	default:
		p.schema(at+"/QueryLanguage", "Value is not valid: expected JSONPath or JSONata")
	}
}
