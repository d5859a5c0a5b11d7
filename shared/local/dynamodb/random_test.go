package dynamodb_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// generated is an expression that was made up, with the values that it uses.
type generated struct {
	*rapid.T

	values []string
}

func (g *generated) one(label string, of ...string) string {
	return rapid.SampledFrom(of).Draw(g.T, label)
}

func (g *generated) chance(n int) bool { return rapid.IntRange(1, n).Draw(g.T, "chance") == 1 }

// value gives a name of a value of the expression.
func (g *generated) value(kinds ...string) string {
	if len(kinds) == 0 {
		kinds = []string{
			`{"N":"5"}`, `{"N":"-1.5"}`, `{"N":"0"}`, `{"N":"2"}`, `{"N":"12345678901234567890123456789012345678"}`, `{"S":"hello"}`, `{"S":"he"}`, `{"S":""}`, `{"S":"a"}`,
			`{"S":"N"}`, `{"B":"YQ=="}`, `{"BOOL":true}`, `{"NULL":true}`, `{"L":[{"N":"1"},{"S":"two"}]}`, `{"L":[]}`, `{"M":{"x":{"N":"3"}}}`, `{"SS":["a","c"]}`, `{"NS":["1","3"]}`,
			`{"BS":["YQ=="]}`,
		}
	}
	name := fmt.Sprint(":v", len(g.values))
	g.values = append(g.values, `"`+name+`":`+g.one("value", kinds...))
	return name
}

func (g *generated) path() string {
	p := g.one("name", "a", "s", "l", "m", "ss", "ns", "bs", "b", "bo", "nu", "u", "zz", "n1")
	for g.chance(3) {
		p += g.one("step", "[0]", "[1]", "[2]", "[7]", ".k", ".n", ".l", ".x", ".zz")
	}
	return p
}

func (g *generated) operand() string {
	switch rapid.IntRange(0, 5).Draw(g.T, "operand") {
	case 0, 1:
		return g.path()
	case 2:
		return "size(" + g.path() + ")"
	default:
		return g.value()
	}
}

func (g *generated) condition(depth int) string {
	n := rapid.IntRange(0, 11).Draw(g.T, "condition")
	if depth == 0 {
		n = min(n, 8)
	}
	switch n {
	case 0, 1, 2:
		return g.operand() + " " + g.one("comparator", "=", "<>", "<", "<=", ">", ">=") + " " + g.operand()
	case 3:
		return g.operand() + " BETWEEN " + g.operand() + " AND " + g.operand()
	case 4:
		return g.operand() + " IN (" + g.operand() + ", " + g.operand() + ")"
	case 5:
		return g.one("function", "attribute_exists", "attribute_not_exists") + "(" + g.path() + ")"
	case 6:
		return "begins_with(" + g.path() + ", " + g.value(`{"S":"he"}`, `{"B":"YQ=="}`, `{"S":""}`) + ")"
	case 7:
		return "contains(" + g.path() + ", " + g.operand() + ")"
	case 8:
		return "attribute_type(" + g.path() + ", " + g.value(`{"S":"N"}`, `{"S":"L"}`, `{"S":"SS"}`, `{"S":"NULL"}`) + ")"
	case 9:
		return "NOT " + g.condition(depth-1)
	case 10:
		return "(" + g.condition(depth-1) + ")"
	default:
		return g.condition(depth-1) + g.one("joined", " AND ", " OR ") + g.condition(depth-1)
	}
}

func (g *generated) set(depth int) string {
	switch rapid.IntRange(0, 7).Draw(g.T, "set") {
	case 0:
		return g.path()
	case 1:
		return "if_not_exists(" + g.path() + ", " + g.set(0) + ")"
	case 2:
		if depth > 0 {
			return g.set(0) + g.one("sum", " + ", " - ") + g.set(0)
		}
	case 3:
		if depth > 0 {
			return "list_append(" + g.one("list", "l", "m.l", "l", g.value(`{"L":[{"S":"x"}]}`)) + ", " + g.set(0) + ")"
		}
	default:
	}
	return g.value()
}

func (g *generated) update() string {
	var sections []string
	part := func(section string, change func() string) {
		if !g.chance(2) {
			return
		}
		changes := []string{change()}
		for g.chance(3) {
			changes = append(changes, change())
		}
		sections = append(sections, section+" "+strings.Join(changes, ", "))
	}
	part("SET", func() string { return g.path() + " = " + g.set(1) })
	part("REMOVE", g.path)
	part("ADD", func() string {
		return g.path() + " " + g.value(`{"N":"5"}`, `{"N":"0.25"}`, `{"SS":["a","c"]}`, `{"NS":["1","3"]}`)
	})
	part("DELETE", func() string {
		return g.path() + " " + g.value(`{"SS":["a","c"]}`, `{"NS":["1","2"]}`, `{"BS":["YQ=="]}`)
	})
	return strings.Join(rapid.Permutation(sections).Draw(g.T, "sections"), " ")
}

// members gives an expression and its values as members of a request.
func (g *generated) members(parameter, text string) string {
	out := fmt.Sprintf(`"%s": %q`, parameter, text)
	if len(g.values) > 0 {
		out += `, "ExpressionAttributeValues": {` + strings.Join(g.values, ",") + `}`
	}
	return out
}

// same reports whether an expression is refused for the same reason, as far as that is sure: of several faults of one
// expression nobody says which one is told; DynamoDB Local does not always name the paths that overlap, and shows binary
// as Java does.
func same(theirs, ours answer) bool {
	for _, message := range []string{
		"Two document paths", "The BETWEEN operator requires", "Invalid UpdateExpression: ",
		"An operand in the update expression|The provided expression refers to|The document path provided in the update expression|" +
			"Attempting to store more than|DynamoDB only supports precision",
	} {
		said := func(a answer) bool {
			return slices.ContainsFunc(strings.Split(message, "|"), func(m string) bool { return strings.Contains(a.Message, m) })
		}
		if said(theirs) && said(ours) {
			return theirs.Error == ours.Error
		}
	}
	return false
}

func (p *pair) disagreement(operation, body string) string {
	theirs, ours := p.call(p.endpoints[0], operation, body), p.call(p.endpoints[1], operation, body)
	if same(theirs, ours) {
		return ""
	}
	if why := differ(theirs, ours); why != "" {
		return fmt.Sprintf("%s %s: %s\nDynamoDB Local: %s %s %s\nhere:           %s %s %s", operation, body, why,
			theirs.Error, theirs.Message, text(theirs.Body), ours.Error, ours.Message, text(ours.Body))
	}
	return ""
}

func TestRandomConditionsAreDecidedAsByDynamoDBLocal(t *testing.T) {
	t.Parallel()
	p := newPair(t, "random-conditions")
	p.must("PutItem", `{"TableName": "tab1", "Item": `+standardItem+`}`)
	rapid.Check(t, func(t *rapid.T) {
		g := &generated{T: t}
		body := g.members("FilterExpression", g.condition(3))
		if why := p.disagreement("Scan", `{"TableName": "tab1", `+body+`}`); why != "" {
			t.Fatal(why)
		}
	})
}

func TestRandomUpdatesComeToTheSameAsInDynamoDBLocal(t *testing.T) {
	t.Parallel()
	p := newPair(t, "random-updates")
	rapid.Check(t, func(t *rapid.T) {
		p.must("PutItem", `{"TableName": "tab1", "Item": `+standardItem+`}`)
		g := &generated{T: t}
		body := g.members("UpdateExpression", g.update())
		if why := p.disagreement("UpdateItem", `{`+standardKey+`, `+body+`, "ReturnValues": "ALL_NEW"}`); why != "" {
			t.Fatal(why)
		}
	})
}
