package dynamo

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"opsflow/shared/table"
	"opsflow/shared/table/jsonscan"
)

// Attributes that every item has beside its data.
const (
	attrPK      = "pk"
	attrSK      = "sk"
	attrV       = "v"
	attrWriteID = "write_id"
	attrExpires = "expires_at"
)

type attributes = map[string]types.AttributeValue

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func keyAttributes(key table.Key) attributes {
	return attributes{attrPK: text(key.PK), attrSK: text(key.SK)}
}

// itemAttributes gives an item as DynamoDB stores it. Its data has been checked.
func itemAttributes(item table.Item, v int64, writeID string) attributes {
	a := keyAttributes(item.Key)
	a[attrV] = number(v)
	a[attrWriteID] = text(writeID)
	if e := table.Epoch(item.ExpiresAt); e != 0 {
		a[attrExpires] = number(e)
	}
	for name, at := range item.Index {
		a[name+"_pk"], a[name+"_sk"] = text(at.PK), text(at.SK)
	}
	for name, value := range jsonscan.Fields(item.Data) {
		s := jsonscan.New(value)
		a[name] = attribute(s)
	}
	return a
}

// attribute reads one value, token by token.
func attribute(s *jsonscan.Scanner) types.AttributeValue {
	kind, raw := s.Next()
	return attributeOf(s, kind, raw)
}

func attributeOf(s *jsonscan.Scanner, kind byte, raw []byte) types.AttributeValue {
	switch kind {
	case jsonscan.String:
		return text(jsonscan.Text(raw))
	case jsonscan.Number:
		return &types.AttributeValueMemberN{Value: string(raw)}
	case jsonscan.True, jsonscan.False:
		return &types.AttributeValueMemberBOOL{Value: kind == jsonscan.True}
	case jsonscan.ArrayBegin:
		list := []types.AttributeValue{}
		for {
			kind, raw := s.Next()
			if kind == jsonscan.ArrayEnd || kind == jsonscan.End {
				return &types.AttributeValueMemberL{Value: list}
			}
			list = append(list, attributeOf(s, kind, raw))
		}
	case jsonscan.ObjectBegin:
		m := attributes{}
		for {
			kind, name := s.Next()
			if kind != jsonscan.String {
				return &types.AttributeValueMemberM{Value: m}
			}
			m[jsonscan.Text(name)] = attribute(s)
		}
	default:
		return &types.AttributeValueMemberNULL{Value: true}
	}
}

// itemOf reads a stored item, or what an index holds of it.
func itemOf(a attributes, indexes []table.Index) (table.Item, error) {
	key, err := keyOf(a, attrPK, attrSK)
	if err != nil {
		return table.Item{}, err
	}
	item := table.Item{Key: key}
	if item.V, err = numberOf(a, attrV); err != nil {
		return table.Item{}, fmt.Errorf("item %s: %w", key, err)
	}
	e, err := numberOf(a, attrExpires)
	if err != nil {
		return table.Item{}, fmt.Errorf("item %s: %w", key, err)
	}
	if e != 0 {
		item.ExpiresAt = time.Unix(e, 0).UTC()
	}
	skip := map[string]bool{attrPK: true, attrSK: true, attrV: true, attrWriteID: true, attrExpires: true}
	for _, ix := range indexes {
		pk, sk := ix.Name+"_pk", ix.Name+"_sk"
		skip[pk], skip[sk] = true, true
		if _, ok := a[pk]; !ok {
			continue
		}
		if item.Index == nil {
			item.Index = make(map[string]table.Key, len(indexes))
		}
		if item.Index[ix.Name], err = keyOf(a, pk, sk); err != nil {
			return table.Item{}, fmt.Errorf("item %s: %w", key, err)
		}
	}
	if item.Data, err = appendObject(nil, a, skip); err != nil {
		return table.Item{}, fmt.Errorf("item %s: %w", key, err)
	}
	return item, nil
}

func keyOf(a attributes, pk, sk string) (table.Key, error) {
	p, okP := a[pk].(*types.AttributeValueMemberS)
	s, okS := a[sk].(*types.AttributeValueMemberS)
	if !okP || !okS {
		return table.Key{}, fmt.Errorf("the attributes %s and %s are not both strings", pk, sk)
	}
	return table.Key{PK: p.Value, SK: s.Value}, nil
}

// numberOf reads a whole number; 0 when the attribute is not there.
func numberOf(a attributes, name string) (int64, error) {
	switch value := a[name].(type) {
	case nil:
		return 0, nil
	case *types.AttributeValueMemberN:
		n, err := strconv.ParseInt(value.Value, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("the attribute %s is not a whole number: %w", name, err)
		}
		return n, nil
	default:
		return 0, fmt.Errorf("the attribute %s is not a number", name)
	}
}

// appendObject writes attributes as a JSON object, names in order.
func appendObject(dst []byte, a attributes, skip map[string]bool) ([]byte, error) {
	dst = append(dst, '{')
	first := true
	for _, name := range slices.Sorted(maps.Keys(a)) {
		if skip[name] {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(jsonscan.AppendString(dst, name), ':')
		var err error
		if dst, err = appendValue(dst, a[name]); err != nil {
			return nil, fmt.Errorf("the attribute %s: %w", name, err)
		}
	}
	return append(dst, '}'), nil
}

func appendValue(dst []byte, value types.AttributeValue) ([]byte, error) {
	switch value := value.(type) {
	case *types.AttributeValueMemberS:
		return jsonscan.AppendString(dst, value.Value), nil
	case *types.AttributeValueMemberN:
		if !json.Valid([]byte(value.Value)) {
			return nil, fmt.Errorf("%q is no JSON number", value.Value)
		}
		return append(dst, value.Value...), nil
	case *types.AttributeValueMemberBOOL:
		return strconv.AppendBool(dst, value.Value), nil
	case *types.AttributeValueMemberNULL:
		return append(dst, "null"...), nil
	case *types.AttributeValueMemberM:
		return appendObject(dst, value.Value, nil)
	case *types.AttributeValueMemberL:
		dst = append(dst, '[')
		for i, element := range value.Value {
			if i > 0 {
				dst = append(dst, ',')
			}
			var err error
			if dst, err = appendValue(dst, element); err != nil {
				return nil, err
			}
		}
		return append(dst, ']'), nil
	default:
		return nil, fmt.Errorf("%T has no counterpart in JSON", value)
	}
}
