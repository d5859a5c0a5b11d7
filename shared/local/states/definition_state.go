package states

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"opsflow/shared/local/states/value"
)

var stateKinds = []string{"Pass", "Task", "Choice", "Wait", "Succeed", "Fail", "Parallel", "Map"}

func (p *definitionParser) state(name string, o *value.Object, at string) *state {
	f := fields{p.diagnostics, o, at}
	s := &state{name: name, kind: f.text("Type")}
	p.dialect(o, at)
	if !f.has("Type") {
		p.schema(at, "These fields are required: [Type]")
		return s
	}
	if !slices.Contains(stateKinds, s.kind) {
		p.schema(at+"/Type", "Value is not valid: expected one of [%s]", strings.Join(stateKinds, ", "))
		return s
	}
	f.only(stateFields[s.kind])
	p.transition(s, f)
	if s.kind != "Fail" {
		s.inputPath, s.noInput = f.path("InputPath")
		s.outputPath, s.noOutput = f.path("OutputPath")
		s.assign = f.assign()
	}
	if slices.Contains([]string{"Pass", "Task", "Parallel", "Map"}, s.kind) {
		s.parameters = f.template("Parameters")
		s.resultPath, s.noResult = f.referencePath("ResultPath")
	}
	if slices.Contains([]string{"Task", "Parallel", "Map"}, s.kind) {
		s.selector = f.template("ResultSelector")
		p.retriers(s, f)
		p.catchers(s, f)
	}
	switch s.kind {
	case "Pass":
		s.result, s.hasResult = o.Get("Result")
	case "Choice":
		p.choices(s, f)
	case "Wait":
		p.wait(s, f)
	case "Fail":
		p.fail(s, f)
	case "Task":
		p.task(s, f)
	case "Parallel":
		p.parallel(s, f)
	case "Map":
		p.mapState(s, f)
	}
	return s
}

func (p *definitionParser) transition(s *state, f fields) {
	switch s.kind {
	case "Choice":
		s.next = f.text("Default")
	case "Succeed", "Fail":
	default:
		s.next = f.text("Next")
		if f.flag("End") == (s.next != "") {
			p.schema(f.at, "Exactly one of these fields is expected: [Next, End]")
		}
	}
}

func (p *definitionParser) errorNames(f fields) []string {
	var names []string
	for _, v := range f.list("ErrorEquals") {
		s, ok := v.(string)
		if !ok {
			p.schema(f.where("ErrorEquals"), "Expected value of type String")
		}
		names = append(names, s)
	}
	if len(names) == 0 {
		p.schema(f.at, "These fields are required: [ErrorEquals]")
	}
	if len(names) > 1 && slices.Contains(names, errAll) {
		p.schema(f.where("ErrorEquals"), "States.ALL must appear alone")
	}
	return names
}

func (p *definitionParser) each(f fields, name string, do func(fields, bool)) {
	list := f.list(name)
	for i, v := range list {
		at := fmt.Sprintf("%s[%d]", f.where(name), i)
		o, ok := v.(*value.Object)
		if !ok {
			p.schema(at, "Expected value of type Object")
			continue
		}
		do(fields{p.diagnostics, o, at}, i == len(list)-1)
	}
}

func (p *definitionParser) onlyLast(names []string, last bool, f fields) {
	if slices.Contains(names, errAll) && !last {
		p.schema(f.where("ErrorEquals"), "States.ALL must appear in the last entry")
	}
}

func (p *definitionParser) retriers(s *state, f fields) {
	p.each(f, "Retry", func(f fields, last bool) {
		f.only(retrierFields)
		r := retrier{
			errors: p.errorNames(f), interval: 1, maxAttempts: 3, backoff: f.decimal("BackoffRate", 2, 1, math.MaxFloat64),
			fullJitter: f.oneOf("JitterStrategy", "FULL", "NONE") == "FULL",
		}
		p.onlyLast(r.errors, last, f)
		if f.has("IntervalSeconds") {
			r.interval = float64(f.whole("IntervalSeconds", 1))
		}
		if r.maxDelay = float64(f.whole("MaxDelaySeconds", 1)); r.maxDelay > maxDelaySeconds || r.maxDelay > 0 && r.maxDelay <= r.interval {
			p.schema(f.where("MaxDelaySeconds"), "MaxDelaySeconds must be greater than IntervalSeconds and at most %d", maxDelaySeconds)
		}
		if f.has("MaxAttempts") {
			r.maxAttempts = f.whole("MaxAttempts", 0)
		}
		s.retry = append(s.retry, r)
	})
}

func (p *definitionParser) catchers(s *state, f fields) {
	p.each(f, "Catch", func(f fields, last bool) {
		f.only(catcherFields)
		c := catcher{errors: p.errorNames(f), next: f.text("Next"), assign: f.assign()}
		p.onlyLast(c.errors, last, f)
		c.resultPath, c.noResult = f.referencePath("ResultPath")
		if c.next == "" {
			p.schema(f.at, "These fields are required: [Next]")
		}
		s.catch = append(s.catch, c)
	})
}

func (p *definitionParser) choices(s *state, f fields) {
	if len(f.list("Choices")) == 0 {
		p.schema(f.at, "These fields are required: [Choices]")
	}
	p.each(f, "Choices", func(f fields, _ bool) {
		rule := choiceRule{condition: p.condition(f, choiceFields), next: f.text("Next"), assign: f.assign()}
		if rule.next == "" {
			p.schema(f.at, "These fields are required: [Next]")
		}
		s.choices = append(s.choices, rule)
	})
}

func (p *definitionParser) condition(f fields, known []string) condition {
	f.onlyOf(known)
	f.exclusive(true, conditionFields...)
	var all []condition
	several := func(name string) {
		if len(f.list(name)) == 0 {
			p.schema(f.where(name), "Expected at least one condition")
		}
		p.each(f, name, func(f fields, _ bool) { all = append(all, p.condition(f, conditionFields)) })
	}
	switch {
	case f.has("And"):
		several("And")
		return allConditions(all)
	case f.has("Or"):
		several("Or")
		return anyCondition(all)
	case f.has("Not"):
		if o, ok := f.object("Not"); ok {
			return notCondition{p.condition(fields{p.diagnostics, o, f.where("Not")}, conditionFields)}
		}
		return nil
	}
	c := &comparison{}
	c.variable, _ = f.path("Variable")
	for _, m := range f.o.Members() {
		operator, byPath := strings.CutSuffix(m.Key, "Path")
		kind, ok := comparisonOperands[operator]
		if !ok || byPath && kind == "is" {
			continue
		}
		if c.operator != "" {
			p.schema(f.at, "Only one comparison operator is expected, got %s and %s", c.operator, m.Key)
		}
		c.operator, c.literal = operator, m.Value
		if byPath {
			c.ref, _ = f.path(m.Key)
		} else if !literalFits(kind, m.Value) {
			p.schema(f.where(m.Key), "The value is not a valid %s", kind)
		}
	}
	if c.operator == "" {
		p.schema(f.at, "A comparison operator is expected")
	}
	return c
}

func literalFits(kind string, v any) bool {
	var ok bool
	switch kind {
	case "string":
		_, ok = v.(string)
	case "number":
		_, ok = v.(json.Number)
	case "timestamp":
		_, ok = timestampOf(v)
	default:
		_, ok = v.(bool)
	}
	return ok
}

func (p *definitionParser) wait(s *state, f fields) {
	f.exclusive(true, "Seconds", "SecondsPath", "Timestamp", "TimestampPath")
	if f.has("Seconds") {
		s.seconds = strconv.FormatInt(f.whole("Seconds", 0), 10)
	}
	s.secondsPath, _ = f.path("SecondsPath")
	s.timestampPath, _ = f.path("TimestampPath")
	if s.timestamp = f.text("Timestamp"); f.has("Timestamp") {
		if _, ok := timestampOf(s.timestamp); !ok {
			p.schema(f.where("Timestamp"), "String does not match RFC3339 timestamp")
		}
	}
}

func (p *definitionParser) fail(s *state, f fields) {
	f.exclusive(false, "Error", "ErrorPath")
	f.exclusive(false, "Cause", "CausePath")
	for _, one := range []struct {
		name string
		into *template
	}{{"Error", &s.errorText}, {"Cause", &s.causeText}} {
		switch {
		case f.has(one.name + "Path"):
			*one.into = f.pathOrCall(one.name + "Path")
		case f.has(one.name):
			*one.into = constant{f.text(one.name)}
		}
	}
}

func (p *definitionParser) task(s *state, f fields) {
	if s.resource = f.text("Resource"); s.resource == "" {
		p.schema(f.at, "These fields are required: [Resource]")
	} else if !strings.HasPrefix(s.resource, "arn:") || strings.Count(s.resource, ":") < 5 {
		p.schema(f.where("Resource"), "Value is not a valid resource ARN")
	} else if r := parseResource(s.resource); r.kind == resourceUnknown {
		p.schema(f.where("Resource"), "%s", r.notRecognised())
	}
	r := parseResource(s.resource)
	if p.express && r.kind == resourceActivity {
		p.schema(f.where("Resource"), "Express state machine does not support Activity ARN")
	} else if p.express && r.pattern != "" {
		p.schema(f.where("Resource"), "Express state machine does not support '.%s' service integration", strings.TrimSuffix(r.pattern, ":2"))
	}
	if o, ok := f.o.Get("Parameters"); ok {
		p.parameters(r, o, f.where("Parameters"))
	}
	s.credentials = f.credentials()
	f.exclusive(false, "TimeoutSeconds", "TimeoutSecondsPath")
	f.exclusive(false, "HeartbeatSeconds", "HeartbeatSecondsPath")
	s.timeout = f.whole("TimeoutSeconds", 1)
	s.heartbeat = f.whole("HeartbeatSeconds", 1)
	s.timeoutPath, _ = f.path("TimeoutSecondsPath")
	s.heartbeatPath, _ = f.path("HeartbeatSecondsPath")
	if s.heartbeat > 0 && s.timeout > 0 && s.heartbeat >= s.timeout {
		p.schema(f.where("HeartbeatSeconds"), "HeartbeatSeconds must be smaller than TimeoutSeconds")
	}
}

func (p *definitionParser) parallel(s *state, f fields) {
	if len(f.list("Branches")) == 0 {
		p.schema(f.at, "These fields are required: [Branches]")
	}
	p.each(f, "Branches", func(f fields, _ bool) {
		s.branches = append(s.branches, p.graph(f.o, f.at, graphFields))
	})
}

func (p *definitionParser) mapState(s *state, f fields) {
	m := &mapping{label: p.label(f), reader: p.reader(f), writer: p.writer(f)}
	s.mapping = m
	f.exclusive(true, "ItemProcessor", "Iterator")
	for _, name := range []string{"ItemProcessor", "Iterator"} {
		if o, ok := f.object(name); ok {
			if config, ok := (fields{p.diagnostics, o, f.where(name)}).object("ProcessorConfig"); ok {
				m.distributed, m.express = p.processor(fields{p.diagnostics, config, f.where(name) + "/ProcessorConfig"})
			}
			outer := p.express
			p.express = p.express || m.express
			s.branches = []*graph{p.graph(o, f.where(name), processorFields)}
			p.express, m.source = outer, o
		}
	}
	if m.distributed && p.express {
		p.schema(f.at, "Express state machine does not support a distributed Map")
	}
	if !m.distributed {
		for _, name := range distributedOnly {
			if f.has(name) {
				p.schema(f.at, "Field '%s' is supported in a distributed Map only", name)
			}
		}
	}
	f.exclusive(false, "ItemReader", "ItemsPath")
	m.itemsPath, _ = f.path("ItemsPath")
	f.exclusive(false, "ItemSelector", "Parameters")
	if m.selector = f.template("ItemSelector"); m.selector == nil {
		m.selector, s.parameters = s.parameters, nil
	}
	f.exclusive(false, "MaxConcurrency", "MaxConcurrencyPath")
	m.concurrency = f.whole("MaxConcurrency", 0)
	m.concurrencyPath, _ = f.path("MaxConcurrencyPath")
	f.exclusive(false, "ToleratedFailureCount", "ToleratedFailureCountPath")
	f.exclusive(false, "ToleratedFailurePercentage", "ToleratedFailurePercentagePath")
	if f.has("ToleratedFailureCount") {
		m.tolerate.count = new(f.whole("ToleratedFailureCount", 0))
	}
	if f.has("ToleratedFailurePercentage") {
		m.tolerate.percentage = new(f.decimal("ToleratedFailurePercentage", 0, 0, 100))
	}
	m.tolerate.countPath, _ = f.path("ToleratedFailureCountPath")
	m.tolerate.percentagePath, _ = f.path("ToleratedFailurePercentagePath")
	if o, ok := f.object("ItemBatcher"); ok {
		b := fields{p.diagnostics, o, f.where("ItemBatcher")}
		b.only(batcherFields)
		b.exclusive(false, "MaxItemsPerBatch", "MaxItemsPerBatchPath")
		b.exclusive(false, "MaxInputBytesPerBatch", "MaxInputBytesPerBatchPath")
		m.batch = &batching{
			items: b.whole("MaxItemsPerBatch", 1), bytes: b.whole("MaxInputBytesPerBatch", 1),
			input: b.template("BatchInput"),
		}
		m.batch.itemsPath, _ = b.path("MaxItemsPerBatchPath")
		m.batch.bytesPath, _ = b.path("MaxInputBytesPerBatchPath")
	}
}

var validLabel = regexp.MustCompile(`^[^\s<>{}\[\]?*"#%\\^|~` + "`" + `$&,;:/\x00-\x1f\x7f-\x9f]{1,40}$`)

// label is a Map state's name in ARNs, which no other has; empty when it is not given.
func (p *definitionParser) label(f fields) string {
	label := f.text("Label")
	switch {
	case !f.has("Label"):
	case !validLabel.MatchString(label):
		p.schema(f.where("Label"), "Value is not a valid label: it has from 1 to 40 characters, none of them white space or special")
	case p.labels[label]:
		p.schema(f.where("Label"), "Label '%s' is not unique", label)
	default:
		p.labels[label] = true
	}
	return label
}

// processor reads a ProcessorConfig and reports whether the Map is a distributed one, and its children express ones.
func (p *definitionParser) processor(f fields) (distributed, express bool) {
	f.only(configFields)
	distributed = f.oneOf("Mode", "INLINE", "DISTRIBUTED") == "DISTRIBUTED"
	kind := f.oneOf("ExecutionType", TypeStandard, TypeExpress)
	switch {
	case distributed && !f.has("ExecutionType"):
		p.schema(f.at, "These fields are required: [ExecutionType]")
	case !distributed && kind != "":
		p.schema(f.at, "Field 'ExecutionType' is supported in a distributed Map only")
	}
	return distributed, distributed && kind == TypeExpress
}

// parameters reports what the Parameters of an optimised integration lack, or have too much.
func (p *definitionParser) parameters(r resource, v any, at string) {
	o, ok := v.(*value.Object)
	if !ok {
		return
	}
	given := memberNames(o)
	for i, name := range given {
		given[i] = strings.TrimSuffix(name, ".$")
	}
	for _, wrong := range r.wrongFields(given) {
		p.schema(at, "%s", wrong)
	}
}
