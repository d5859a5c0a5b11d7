package table

import (
	"strconv"
	"strings"
	"time"

	"opsflow/shared/table/jsonscan"
)

// Epoch gives an expiry as it is stored: whole seconds since 1970, rounded up; 0 for never.
func Epoch(expiry time.Time) int64 {
	if expiry.IsZero() {
		return 0
	}
	s := expiry.Unix()
	if expiry.Nanosecond() > 0 {
		s++
	}
	return s
}

// Expired reports whether a stored expiry has come: items with it count as absent.
func Expired(epoch int64, now time.Time) bool { return epoch != 0 && epoch <= now.Unix() }

// ItemBytes measures an item, written by writeID as its vth version, as DynamoDB does (developer guide, "DynamoDB item sizes and formats"): attribute names and
// strings by their UTF-8 bytes, numbers by half their significant digits and one, booleans and nulls 1, lists and maps 3
// and 1 more for each element.
func ItemBytes(item Item, writeID string, v int64) int {
	n := len("pk") + len(item.Key.PK) + len("sk") + len(item.Key.SK) +
		len("v") + numberBytes(strconv.AppendInt(nil, v, 10)) + len("write_id") + len(writeID)
	if e := Epoch(item.ExpiresAt); e != 0 {
		n += len("expires_at") + numberBytes(strconv.AppendInt(nil, e, 10))
	}
	for name, key := range item.Index {
		n += 2*len(name) + len("_pk") + len(key.PK) + len("_sk") + len(key.SK)
	}
	return n + dataBytes(item.Data)
}

// dataBytes sums the fields of an object; the object itself costs nothing, for its fields are the item's attributes.
func dataBytes(data []byte) int {
	n := 0
	for tok := range tokens(data) {
		if tok.depth > 1 && !tok.name {
			n++ // an element of a list or map
		}
		switch tok.kind {
		case jsonscan.ObjectBegin, jsonscan.ArrayBegin:
			if tok.depth > 0 {
				n += 3
			}
		case jsonscan.String:
			n += len(jsonscan.Text(tok.raw))
		case jsonscan.Number:
			n += numberBytes(tok.raw)
		default:
			n++
		}
	}
	return n
}

// token is a token of a document with its place there.
type token struct {
	kind  byte
	raw   []byte
	depth int  // objects and arrays around it
	name  bool // it is the name of a field
}

// tokens gives the tokens of valid JSON, without the ends of objects and arrays.
func tokens(data []byte) func(yield func(token) bool) {
	return func(yield func(token) bool) {
		inObject := make([]bool, 0, maxDepth)
		named := false // the name of the value that comes next has been given
		for s := jsonscan.New(data); ; {
			tok := token{depth: len(inObject)}
			switch tok.kind, tok.raw = s.Next(); tok.kind {
			case jsonscan.End:
				return
			case jsonscan.ObjectEnd, jsonscan.ArrayEnd:
				inObject = inObject[:len(inObject)-1]
				named = false
				continue
			}
			tok.name = tok.depth > 0 && inObject[tok.depth-1] && !named
			named = tok.name
			if !yield(tok) {
				return
			}
			if tok.kind == jsonscan.ObjectBegin || tok.kind == jsonscan.ArrayBegin {
				inObject = append(inObject, tok.kind == jsonscan.ObjectBegin)
				named = false
			}
		}
	}
}

// significant gives the digits of a JSON number without leading and trailing zeros, and the power of ten of the first.
func significant(raw []byte) (digits string, power int, ok bool) {
	text := strings.TrimPrefix(string(raw), "-")
	exp := 0
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		var err error
		if exp, err = strconv.Atoi(text[i+1:]); err != nil {
			return "", 0, false // an exponent beyond int
		}
		text = text[:i]
	}
	whole, fraction, _ := strings.Cut(text, ".")
	all := whole + fraction
	trimmed := strings.TrimLeft(all, "0")
	power = len(whole) - (len(all) - len(trimmed)) - 1 + exp
	return strings.TrimRight(trimmed, "0"), power, true
}

// numberFault says why DynamoDB would refuse a number: it keeps 38 digits, from 1E-130 to 9.9E+125.
func numberFault(raw []byte) string {
	digits, power, ok := significant(raw)
	switch {
	case !ok:
		return "is out of range"
	case digits == "":
		return ""
	case len(digits) > 38:
		return "has more than 38 digits"
	case power < -130 || power > 125:
		return "is not between 1E-130 and 9.9E+125"
	}
	return ""
}

func numberBytes(raw []byte) int {
	digits, _, _ := significant(raw)
	n := (len(digits)+1)/2 + 1
	if raw[0] == '-' {
		n++
	}
	return n
}
