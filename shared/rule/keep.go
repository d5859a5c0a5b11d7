package rule

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"opsflow/shared/ops"
)

// What a detail may hold, so that the table can keep it as it is. DynamoDB's numbers have 38 digits and end at 9.9E+125, its
// values nest 32 levels deep, of which records use some. This also protects whatever computes with a number: one with an
// exponent in the millions fills the memory when it is written out.
const (
	maxDigits      = 38
	minNumberScale = -129 // of 0.digits: 1E-130
	maxNumberScale = 126  // 9.9E+125
	maxDetailDepth = 24
	maxNameBytes   = 1 << 10
)

// MaxDetail is the most that an event's detail may have, in bytes of JSON. A workflow can be started with all of it, and its
// record has room for decisions. EventBridge would take five times as much.
const MaxDetail = 192 << 10

// Unkeepable lists what of a decoded JSON value, at path, the table can't keep, the first hundred faults of it. Numbers must
// be json.Number.
func Unkeepable(v any, path string) []ops.Fault { return unkeepable(v, path, 0, nil) }

// UnkeepableWithin is Unkeepable of a value that is kept some levels deep in another.
func UnkeepableWithin(v any, path string, levels int) []ops.Fault {
	return unkeepable(v, path, levels, nil)
}

func unkeepable(v any, path string, depth int, faults []ops.Fault) []ops.Fault {
	if len(faults) >= maxFaults { // more help nobody, and each has a path that may be long
		return faults
	}
	if depth > maxDetailDepth {
		return append(faults, ops.Fault{Path: path, Expected: fmt.Sprintf("nested at most %d levels deep", maxDetailDepth), Got: "more levels"})
	}
	switch v := v.(type) {
	case map[string]any:
		names := make([]string, 0, len(v))
		for name := range v {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			if len(name) > maxNameBytes {
				faults = append(faults, ops.Fault{
					Path: path, Expected: fmt.Sprintf("an object whose members have names of at most %d bytes", maxNameBytes), Got: quoted(name),
				})
				continue
			}
			if name == "" {
				faults = append(faults, ops.Fault{Path: path, Expected: "an object whose members have names", Got: `a member called ""`})
			}
			faults = unkeepable(v[name], path+"."+name, depth+1, faults)
		}
	case []any:
		for i, member := range v {
			faults = unkeepable(member, path+"["+strconv.Itoa(i)+"]", depth+1, faults)
		}
	case json.Number:
		d, ok := parseDecimal(v.String())
		if !ok || d.huge != nil || d.count > maxDigits || d.count > 0 && (d.scale < minNumberScale || d.scale > maxNumberScale) {
			faults = append(faults, ops.Fault{
				Path: path, Expected: fmt.Sprintf("a number of at most %d digits, from 1E-130 to 9.9E+125", maxDigits),
				Got: string(shown(json.RawMessage(v.String()))),
			})
		}
	}
	return faults
}

// kept is a detail as the table can keep it: as it is, or else the text that it was, of one that is too large the beginning.
func kept(detail json.RawMessage) json.RawMessage {
	if len(detail) > MaxDetail {
		return mustJSON(strings.ToValidUTF8(string(detail[:MaxDetail]), ""))
	}
	doc, err := decodeJSON(detail)
	if err != nil || len(Unkeepable(doc, "$")) > 0 {
		return mustJSON(string(detail))
	}
	return detail
}
