package dynamodb

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"opsflow/shared/table"
	"opsflow/shared/table/jsonscan"
)

// attributes are values in DynamoDB's notation ({"S":"text"}, {"N":"1"}, ...) by name.
type attributes map[string]json.RawMessage

func stringValue(s string) json.RawMessage {
	return append(jsonscan.AppendString([]byte(`{"S":`), s), '}')
}

func numberValue(n int64) json.RawMessage {
	return append(strconv.AppendInt([]byte(`{"N":"`), n, 10), `"}`...)
}

// appendTyped writes the next value of s in DynamoDB's notation.
func appendTyped(dst []byte, s *jsonscan.Scanner) []byte {
	kind, raw := s.Next()
	return appendTypedOf(dst, s, kind, raw)
}

func appendTypedOf(dst []byte, s *jsonscan.Scanner, kind byte, raw []byte) []byte {
	switch kind {
	case jsonscan.String:
		dst = append(append(dst, `{"S":`...), raw...)
	case jsonscan.Number:
		dst = append(append(append(dst, `{"N":"`...), raw...), '"')
	case jsonscan.True, jsonscan.False:
		dst = append(append(dst, `{"BOOL":`...), raw...)
	case jsonscan.ArrayBegin:
		dst = append(dst, `{"L":[`...)
		for first := true; ; first = false {
			kind, raw := s.Next()
			if kind == jsonscan.ArrayEnd || kind == jsonscan.End {
				break
			}
			if !first {
				dst = append(dst, ',')
			}
			dst = appendTypedOf(dst, s, kind, raw)
		}
		dst = append(dst, ']')
	case jsonscan.ObjectBegin:
		dst = append(dst, `{"M":{`...)
		for first := true; ; first = false {
			kind, name := s.Next()
			if kind != jsonscan.String {
				break
			}
			if !first {
				dst = append(dst, ',')
			}
			dst = appendTyped(append(append(dst, name...), ':'), s)
		}
		dst = append(dst, '}')
	default:
		dst = append(dst, `{"NULL":true`...)
	}
	return append(dst, '}')
}

// appendPlain writes a value that is in DynamoDB's notation as plain JSON.
func appendPlain(dst []byte, typed []byte) ([]byte, error) {
	var kind string
	var value []byte
	n := 0
	for kind, value = range jsonscan.Fields(typed) {
		n++
	}
	if n != 1 {
		return nil, invalid("an attribute value must have exactly one type, but %.60s has %d", typed, n)
	}
	form, _ := jsonscan.New(value).Next()
	switch {
	case kind == "S" && form == jsonscan.String, kind == "BOOL" && (form == jsonscan.True || form == jsonscan.False):
		return append(dst, value...), nil
	case kind == "N" && form == jsonscan.String:
		number := jsonscan.Text(value)
		if kind, _ := jsonscan.New([]byte(number)).Next(); kind != jsonscan.Number || !json.Valid([]byte(number)) {
			return nil, invalid("%q is no number", number)
		}
		return append(dst, number...), nil
	case kind == "NULL" && form == jsonscan.True:
		return append(dst, "null"...), nil
	case kind == "L" && form == jsonscan.ArrayBegin:
		return appendPlainList(dst, value)
	case kind == "M" && form == jsonscan.ObjectBegin:
		dst = append(dst, '{')
		first := true
		for name, element := range jsonscan.Fields(value) {
			if !first {
				dst = append(dst, ',')
			}
			first = false
			var err error
			if dst, err = appendPlain(append(jsonscan.AppendString(dst, name), ':'), element); err != nil {
				return nil, err
			}
		}
		return append(dst, '}'), nil
	}
	return nil, unsupported("the attribute value %.60s", typed)
}

func appendPlainList(dst []byte, list []byte) ([]byte, error) {
	dst = append(dst, '[')
	s := jsonscan.New(list)
	s.Next() // the bracket
	for first := true; ; first = false {
		element := s.Skip()
		if len(element) == 0 || element[0] == jsonscan.ArrayEnd {
			return append(dst, ']'), nil
		}
		if !first {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = appendPlain(dst, element); err != nil {
			return nil, err
		}
	}
}

// text reads a string attribute.
func (a attributes) text(name string) (string, error) {
	for kind, value := range jsonscan.Fields(a[name]) {
		if form, _ := jsonscan.New(value).Next(); kind == "S" && form == jsonscan.String {
			return jsonscan.Text(value), nil
		}
	}
	return "", invalid("%s is missing or no string", name)
}

// number reads a whole number.
func (a attributes) number(name string) (int64, error) {
	for kind, value := range jsonscan.Fields(a[name]) {
		if n, err := strconv.ParseInt(jsonscan.Text(value), 10, 64); kind == "N" && err == nil {
			return n, nil
		}
	}
	return 0, invalid("%s is missing or no whole number", name)
}

func (a attributes) key(pk, sk string) (table.Key, error) {
	var key table.Key
	var err error
	if key.PK, err = a.text(pk); err != nil {
		return table.Key{}, err
	}
	key.SK, err = a.text(sk)
	return key, err
}

// itemKey reads a key that must consist of pk and sk and nothing else.
func (a attributes) itemKey() (table.Key, error) {
	if len(a) != 2 {
		return table.Key{}, invalid("a key has the attributes pk and sk, not %v", slices.Sorted(maps.Keys(a)))
	}
	return a.key("pk", "sk")
}

func keyAttributes(key table.Key) attributes {
	return attributes{"pk": stringValue(key.PK), "sk": stringValue(key.SK)}
}

// itemAttributes gives an item as DynamoDB would show it.
func itemAttributes(item table.Item) attributes {
	a := keyAttributes(item.Key)
	if item.V != 0 {
		a["v"] = numberValue(item.V)
	}
	if e := table.Epoch(item.ExpiresAt); e != 0 {
		a["expires_at"] = numberValue(e)
	}
	for name, at := range item.Index {
		a[name+"_pk"], a[name+"_sk"] = stringValue(at.PK), stringValue(at.SK)
	}
	for name, value := range jsonscan.Fields(item.Data) {
		a[name] = appendTyped(nil, jsonscan.New(value))
	}
	return a
}

// item reads an item to put, with its version and write_id.
func (h *handler) item(a attributes) (item table.Item, v int64, writeID string, err error) {
	if item.Key, err = a.key("pk", "sk"); err != nil {
		return item, 0, "", err
	}
	if v, err = a.number("v"); err != nil {
		return item, 0, "", err
	}
	if writeID, err = a.text("write_id"); err != nil {
		return item, 0, "", err
	}
	if _, ok := a["expires_at"]; ok {
		e, err := a.number("expires_at")
		if err != nil {
			return item, 0, "", err
		}
		item.ExpiresAt = time.Unix(e, 0).UTC()
	}
	own := map[string]bool{"pk": true, "sk": true, "v": true, "write_id": true, "expires_at": true}
	for _, ix := range h.indexes {
		pk, sk := ix.Name+"_pk", ix.Name+"_sk"
		own[pk], own[sk] = true, true
		if a[pk] == nil && a[sk] == nil {
			continue
		}
		if item.Index == nil {
			item.Index = make(map[string]table.Key, len(h.indexes))
		}
		if item.Index[ix.Name], err = a.key(pk, sk); err != nil {
			return item, 0, "", fmt.Errorf("index %s: %w", ix.Name, err)
		}
	}
	data := []byte{'{'}
	for name, value := range a {
		if own[name] {
			continue
		}
		if len(data) > 1 {
			data = append(data, ',')
		}
		if data, err = appendPlain(append(jsonscan.AppendString(data, name), ':'), value); err != nil {
			return item, 0, "", err
		}
	}
	data = append(data, '}')
	item.Data = data
	return item, v, writeID, nil
}
