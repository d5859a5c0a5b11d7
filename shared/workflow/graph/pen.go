package graph

import (
	"fmt"
	"strings"

	"opsflow/shared/ops"
)

// pen writes the elements of a drawing.
type pen struct{ b strings.Builder }

func (p *pen) f(format string, args ...any) { fmt.Fprintf(&p.b, format, args...) }

// icons are drawn in a square of 14, by lines.
var icons = map[ops.StepKind]string{
	ops.StepAutomated:    "M7 4.7a2.3 2.3 0 1 0 .01 0M7 1.5v2M7 10.5v2M1.5 7h2M10.5 7h2M3.1 3.1l1.4 1.4M9.5 9.5l1.4 1.4M3.1 10.9l1.4-1.4M9.5 4.5l1.4-1.4",
	ops.StepManual:       "M7 1.8a2.5 2.5 0 1 0 .01 0M2 12.5c0-3 2-4.3 5-4.3s5 1.3 5 4.3",
	ops.StepApproval:     "M7 1.5 11.8 3v4c0 3-2 4.7-4.8 5.7C4.2 11.7 2.2 10 2.2 7V3zM4.8 6.8l1.7 1.7 2.8-3.2",
	ops.StepNotification: "M1.5 3h11v8h-11zM1.5 3.5 7 8l5.5-4.5",
	ops.StepDecision:     "M7 1.5 12.5 7 7 12.5 1.5 7zM7 4.7v3M7 9.3v.01",
	ops.StepDelay:        "M7 1.7a5.3 5.3 0 1 0 .01 0M7 4v3.2l2.2 1.4",
	ops.StepAPICall:      "M5 3.5 1.5 7 5 10.5M9 3.5 12.5 7 9 10.5",
	ops.StepAssignment:   "M5 2a2.2 2.2 0 1 0 .01 0M1.3 12c0-2.7 1.5-3.9 3.7-3.9S8.7 9.3 8.7 12M9 5h4M11 3l2 2-2 2",
	ops.StepQualityCheck: "M7 1.5l1.6 3.4 3.7.5-2.7 2.6.7 3.7L7 9.9l-3.3 1.8.7-3.7L1.7 5.4l3.7-.5z",
	ops.StepAwaitEvent:   "M8 1.5 3 8h4l-1 4.5L11 6H7z",
}

const (
	nameSize = 13.0
	inset    = 13.0 // from a box's left edge to its text
)

func (p *pen) node(n *node) {
	s := n.step
	classes := "step kind-" + string(s.Kind)
	if s.Kind.Human() {
		classes += " human"
	}
	if s.When != nil {
		classes += " optional"
	}
	above, aboveClass := upperFirst(words(string(s.Kind))), "kind"
	if n.record != nil {
		classes += " is-" + string(n.record.Status)
		above, aboveClass = upperFirst(words(string(n.record.Status))), "state"
		if t := took(n.record); t != "" && n.record.Status != ops.StepSkipped {
			above += " · " + t
		}
	}
	p.f("<g class=\"%s\"><title>%s</title>", classes, esc(tip(n)))
	x, top := n.x, n.y-boxHeight/2
	switch s.Kind { //nolint:exhaustive // all others are plain boxes
	case ops.StepDecision:
		const point = 12
		p.f(`<path class="box" d="M%s %sh%sl%d %s-%d %sh-%sl-%d-%s %d-%sz"/>`, num(x+point), num(top), num(boxWidth-2*point), point, num(boxHeight/2), point,
			num(boxHeight/2), num(boxWidth-2*point), point, num(boxHeight/2), point, num(boxHeight/2))
	case ops.StepDelay, ops.StepAwaitEvent:
		p.box(x, top, boxHeight/2)
	default:
		p.box(x, top, 8)
	}
	left := x + inset
	if s.Kind == ops.StepDecision || s.Kind == ops.StepDelay || s.Kind == ops.StepAwaitEvent {
		left += 4 // these have no corners
	}
	lines := wrap(s.Name, nameSize, x+boxWidth-inset-left)
	y := n.y + 3 - 8*float64(len(lines))
	p.f(`<path class="icon" transform="translate(%s %s)" d="%s"/>`, num(left), num(y-11), icons[s.Kind])
	p.f(`<text class="%s" x="%s" y="%s">%s</text>`, aboveClass, num(left+19), num(y), esc(above))
	for _, line := range lines {
		y += 17
		p.f(`<text class="name" x="%s" y="%s">%s</text>`, num(left), num(y), esc(line))
	}
	p.f("</g>\n")
}

func (p *pen) box(x, top, radius float64) {
	p.f(`<rect class="box" x="%s" y="%s" width="%s" height="%s" rx="%s"/>`, num(x), num(top), num(boxWidth), num(boxHeight), num(radius))
}

// tip is what pointing at a step tells.
func tip(n *node) string {
	s := n.step
	text := s.Name + ": " + words(string(s.Kind))
	if s.Role != "" {
		text += " for " + words(string(s.Role))
	}
	if s.When != nil {
		text += ", only when " + say(s.When)
	}
	if s.EstimatedMinutes > 0 {
		text += fmt.Sprintf(", about %d min", s.EstimatedMinutes)
	}
	if r := n.record; r != nil && r.Error != nil {
		text += ". " + r.Error.Message
	}
	return text
}

// edge draws a line from a step's right side to another's left, through the points between them.
func (p *pen) edge(e *edge) {
	classes := "line"
	if e.state != "" {
		classes += " " + e.state
	}
	if e.back {
		p.back(e)
		return
	}
	x, y := e.from.x+boxWidth, e.from.y
	p.f(`<path class="%s" d="M%s %s`, classes, num(x), num(y))
	for _, n := range append(append([]*node{}, e.via...), e.to) {
		bend := (n.x - x) / 2
		end := n.x
		if n == e.to {
			end -= arrow
		}
		if y == n.y {
			p.f("H%s", num(end))
		} else {
			p.f("C%s %s %s %s %s %s", num(x+bend), num(y), num(n.x-bend), num(n.y), num(end), num(n.y))
		}
		x, y = end, n.y
		if n != e.to {
			x += boxWidth
			p.f("H%s", num(x))
		}
	}
	p.f("\"/>")
	p.f("<path class=\"%s\" d=\"M%s %sl-%s-%sv%sz\"/>\n", strings.Replace(classes, "line", "head", 1), num(e.to.x), num(e.to.y), num(arrow), num(arrow*.6), num(arrow*1.2))
}

const arrow = 7.0

// back draws a line below the boxes to an earlier step.
func (p *pen) back(e *edge) {
	x, y := e.from.x+boxWidth/2, e.from.y+boxHeight/2
	to, low := e.to.x+boxWidth/2, e.to.y+boxHeight/2
	deep := max(y, low) + backLane*1.1
	p.f("<path class=\"line back\" d=\"M%s %sC%s %s %s %s %s %s\"/>", num(x), num(y), num(x), num(deep), num(to), num(deep), num(to), num(low+arrow))
	p.f("<path class=\"head back\" d=\"M%s %sl%s %sh-%sz\"/>\n", num(to), num(low), num(arrow*.6), num(arrow), num(arrow*1.2))
}

// label writes a decision's condition onto its line.
func (p *pen) label(e *edge) {
	if e.label == "" {
		return
	}
	var x, y float64
	if e.back {
		x, y = (e.from.x+e.to.x+boxWidth)/2, max(e.from.y, e.to.y)+boxHeight/2+backLane*.8
	} else {
		next := e.to
		if len(e.via) > 0 {
			next = e.via[0]
		}
		x, y = (e.from.x+boxWidth+next.x)/2, (e.from.y+next.y)/2
	}
	w := labelWidth(e.label)
	state := ""
	if e.state != "" {
		state = " " + e.state
	}
	p.f("<g class=\"way%s\"><title>%s</title><rect x=\"%s\" y=\"%s\" width=\"%s\" height=\"18\" rx=\"9\"/><text x=\"%s\" y=\"%s\">%s</text></g>\n",
		state, esc(e.whole), num(x-w/2), num(y-9), num(w), num(x), num(y+4), esc(e.label))
}
