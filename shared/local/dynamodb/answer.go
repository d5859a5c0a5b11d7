package dynamodb

import (
	"encoding/json"

	"opsflow/shared/local/dynamodb/attribute"
)

// object is a JSON object whose items are written only once; encoding/json would write and read them again.
type object []member

type member struct {
	name  string
	value any
}

func (o *object) add(name string, value any) { *o = append(*o, member{name, value}) }

func (o object) append(dst []byte) ([]byte, error) {
	dst = append(dst, '{')
	for i, m := range o {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), m.name...), '"', ':')
		var err error
		if dst, err = appendValue(dst, m.value); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

func appendValue(dst []byte, value any) ([]byte, error) {
	switch v := value.(type) {
	case object:
		return v.append(dst)
	case attribute.Item:
		return v.Append(dst), nil
	case []attribute.Item:
		return appendList(dst, v)
	case []object:
		return appendList(dst, v)
	default:
		raw, err := json.Marshal(v)
		return append(dst, raw...), err
	}
}

func appendList[T any](dst []byte, list []T) ([]byte, error) {
	dst = append(dst, '[')
	for i, v := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = appendValue(dst, v); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}
