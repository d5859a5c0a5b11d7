package states

import (
	"encoding/json"
	"errors"
	"io"
	"strings"

	"opsflow/shared/local/states/value"
)

// format fills the {} of a template in order; \{ and \} are braces.
func format(args []any, _ io.Reader) (any, error) {
	text, err := textArg(args[0])
	if err != nil {
		return nil, err
	}
	args = args[1:]
	var b strings.Builder
	used := 0
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		case strings.HasPrefix(text[i:], "{}"):
			if used == len(args) {
				return nil, errors.New("there are more {} than arguments")
			}
			writeJava(&b, args[used])
			used++
			i++
		default:
			b.WriteByte(text[i])
		}
	}
	if used < len(args) {
		return nil, errors.New("there are more arguments than {}")
	}
	return b.String(), nil
}

// writeJava writes a value as Java's toString does, which is what States.Format shows: {a=1, b=[x, y]}.
func writeJava(b *strings.Builder, v any) {
	switch v := v.(type) {
	case nil:
		b.WriteString("null")
	case bool:
		if v {
			b.WriteString("true")
		} else {
			b.WriteString("false")
		}
	case string:
		b.WriteString(v)
	case json.Number:
		b.WriteString(v.String())
	case []any:
		b.WriteByte('[')
		for i, e := range v {
			if i > 0 {
				b.WriteString(", ")
			}
			writeJava(b, e)
		}
		b.WriteByte(']')
	case *value.Object:
		b.WriteByte('{')
		for i, m := range v.Members() {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(m.Key + "=")
			writeJava(b, m.Value)
		}
		b.WriteByte('}')
	}
}
