package jsonpath

import (
	"encoding/json"
	"math"
	"strconv"

	"opsflow/shared/local/states/value"
)

// functions are what may stand at the end of a path. They report false when there is nothing to calculate with.
var functions = map[string]func(any) (any, bool){
	"length": func(v any) (any, bool) {
		switch v := v.(type) {
		case []any:
			return json.Number(strconv.Itoa(len(v))), true
		case *value.Object:
			return json.Number(strconv.Itoa(v.Len())), true
		case string:
			return json.Number(strconv.Itoa(len([]rune(v)))), true
		}
		return nil, true
	},
	"min": func(v any) (any, bool) { return fold(v, math.Min) },
	"max": func(v any) (any, bool) { return fold(v, math.Max) },
	"sum": func(v any) (any, bool) { return fold(v, func(a, b float64) float64 { return a + b }) },
	"avg": func(v any) (any, bool) {
		all := floats(v)
		if len(all) == 0 {
			return nil, false
		}
		total := 0.0
		for _, f := range all {
			total += f
		}
		return number(total / float64(len(all))), true
	},
}

func floats(v any) []float64 {
	list, _ := v.([]any)
	var all []float64
	for _, e := range list {
		if n, ok := e.(json.Number); ok {
			if f, err := n.Float64(); err == nil {
				all = append(all, f)
			}
		}
	}
	return all
}

func fold(v any, f func(a, b float64) float64) (any, bool) {
	all := floats(v)
	if len(all) == 0 {
		return nil, false
	}
	acc := all[0]
	for _, x := range all[1:] {
		acc = f(acc, x)
	}
	return number(acc), true
}

func number(f float64) json.Number {
	text := strconv.FormatFloat(f, 'f', -1, 64)
	if f == math.Trunc(f) {
		text += ".0" // aggregates are floating point, as in the library that Step Functions uses
	}
	return json.Number(text)
}
