package states

import (
	"crypto/md5"  //nolint:gosec // States.Hash offers it
	"crypto/sha1" //nolint:gosec // States.Hash offers it
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"math/big"
	"strconv"
	"strings"

	"opsflow/shared/local/states/value"
	"opsflow/shared/local/uuid"
)

type intrinsic func(args []any, random io.Reader) (any, error)

type intrinsicSpec struct {
	least, most int // arguments
	run         intrinsic
}

// maxIntrinsicText is the longest string that encoding and hashing take, in characters.
const maxIntrinsicText = 10_000

// maxRange is the longest list that States.ArrayRange makes.
const maxRange = 1000

var intrinsics = map[string]intrinsicSpec{
	"States.Array":          {0, 1000, func(args []any, _ io.Reader) (any, error) { return args, nil }},
	"States.ArrayContains":  {2, 2, arrayContains},
	"States.ArrayGetItem":   {2, 2, arrayGetItem},
	"States.ArrayLength":    {1, 1, arrayLength},
	"States.ArrayPartition": {2, 2, arrayPartition},
	"States.ArrayRange":     {3, 3, arrayRange},
	"States.ArrayUnique":    {1, 1, arrayUnique},
	"States.Base64Encode":   {1, 1, base64Encode},
	"States.Base64Decode":   {1, 1, base64Decode},
	"States.Format":         {1, 1000, format},
	"States.Hash":           {2, 2, hashText},
	"States.JsonMerge":      {3, 3, jsonMerge},
	"States.JsonToString":   {1, 1, func(args []any, _ io.Reader) (any, error) { return string(value.Text(args[0])), nil }},
	"States.MathAdd":        {2, 2, mathAdd},
	"States.MathRandom":     {2, 3, mathRandom},
	"States.StringSplit":    {2, 2, stringSplit},
	"States.StringToJson":   {1, 1, stringToJSON},
	"States.UUID":           {0, 0, func(_ []any, random io.Reader) (any, error) { return uuid.New(random) }},
}

func listArg(v any) ([]any, error) {
	if list, ok := v.([]any); ok {
		return list, nil
	}
	return nil, fmt.Errorf("expected an array, got %s", value.Text(v))
}

func textArg(v any) (string, error) {
	if s, ok := v.(string); ok {
		return s, nil
	}
	return "", fmt.Errorf("expected a string, got %s", value.Text(v))
}

// intArg rounds to the nearest whole number, halves upwards, as every whole-number argument is taken.
func intArg(v any) (int64, error) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, fmt.Errorf("expected a number, got %s", value.Text(v))
	}
	if i, err := n.Int64(); err == nil {
		return i, nil
	}
	f, err := n.Float64()
	f = math.Floor(f + 0.5)
	if err != nil || f < math.MinInt64 || f >= math.MaxInt64 {
		return 0, fmt.Errorf("the number %s is out of range", n)
	}
	return int64(f), nil
}

func number(i int64) json.Number { return json.Number(strconv.FormatInt(i, 10)) }

func arrayContains(args []any, _ io.Reader) (any, error) {
	list, err := listArg(args[0])
	for _, e := range list {
		if value.Equal(e, args[1]) {
			return true, nil
		}
	}
	return false, err
}

func arrayGetItem(args []any, _ io.Reader) (any, error) {
	list, err := listArg(args[0])
	if err != nil {
		return nil, err
	}
	i, err := intArg(args[1])
	if err != nil {
		return nil, err
	}
	if i < 0 || i >= int64(len(list)) {
		return nil, fmt.Errorf("the index %d is outside an array of %d", i, len(list))
	}
	return list[i], nil
}

func arrayLength(args []any, _ io.Reader) (any, error) {
	list, err := listArg(args[0])
	return number(int64(len(list))), err
}

func arrayPartition(args []any, _ io.Reader) (any, error) {
	list, err := listArg(args[0])
	if err != nil {
		return nil, err
	}
	size, err := intArg(args[1])
	if err != nil {
		return nil, err
	}
	if size <= 0 {
		return nil, errors.New("the chunk size must be a positive number")
	}
	out := []any{}
	for len(list) > 0 {
		n := min(int(min(size, math.MaxInt32)), len(list))
		out, list = append(out, any(list[:n:n])), list[n:]
	}
	return out, nil
}

func arrayRange(args []any, _ io.Reader) (any, error) {
	var n [3]int64
	for i := range n {
		var err error
		if n[i], err = intArg(args[i]); err != nil {
			return nil, err
		}
	}
	first, last, stepBy := n[0], n[1], n[2]
	if stepBy == 0 {
		return nil, errors.New("the step must not be 0")
	}
	out := []any{}
	for i := first; stepBy > 0 && i <= last || stepBy < 0 && i >= last; i += stepBy {
		if len(out) == maxRange {
			return nil, fmt.Errorf("the range has more than %d items", maxRange)
		}
		out = append(out, number(i))
		if (i+stepBy > i) != (stepBy > 0) {
			break // past the end of the whole numbers
		}
	}
	return out, nil
}

func arrayUnique(args []any, _ io.Reader) (any, error) {
	list, err := listArg(args[0])
	out := []any{}
next:
	for _, e := range list {
		for _, seen := range out {
			if value.Equal(e, seen) {
				continue next
			}
		}
		out = append(out, e)
	}
	return out, err
}

func limitedText(v any) (string, error) {
	s, err := textArg(v)
	if err == nil && len([]rune(s)) > maxIntrinsicText {
		return "", fmt.Errorf("the string has more than %d characters", maxIntrinsicText)
	}
	return s, err
}

func base64Encode(args []any, _ io.Reader) (any, error) {
	s, err := limitedText(args[0])
	return base64.StdEncoding.EncodeToString([]byte(s)), err
}

func base64Decode(args []any, _ io.Reader) (any, error) {
	s, err := limitedText(args[0])
	if err != nil {
		return nil, err
	}
	b, err := base64.StdEncoding.DecodeString(s)
	return string(b), err
}

func hashText(args []any, _ io.Reader) (any, error) {
	algorithm, err := textArg(args[1])
	if err != nil {
		return nil, err
	}
	text, ok := args[0].(string)
	if !ok {
		text = string(value.Text(args[0]))
	}
	if len([]rune(text)) > maxIntrinsicText {
		return nil, fmt.Errorf("the data has more than %d characters", maxIntrinsicText)
	}
	var h hash.Hash
	switch algorithm {
	case "MD5":
		h = md5.New() //nolint:gosec // asked for by name
	case "SHA-1":
		h = sha1.New() //nolint:gosec // asked for by name
	case "SHA-256":
		h = sha256.New()
	case "SHA-384":
		h = sha512.New384()
	case "SHA-512":
		h = sha512.New()
	default:
		return nil, fmt.Errorf("there is no hash algorithm %q; expected MD5, SHA-1, SHA-256, SHA-384 or SHA-512", algorithm)
	}
	io.WriteString(h, text) //nolint:errcheck // a hash never fails
	return hex.EncodeToString(h.Sum(nil)), nil
}

func jsonMerge(args []any, _ io.Reader) (any, error) {
	a, okA := args[0].(*value.Object)
	b, okB := args[1].(*value.Object)
	if !okA || !okB {
		return nil, errors.New("expected two objects")
	}
	if deep, ok := args[2].(bool); !ok || deep {
		return nil, errors.New("only shallow merging is supported: the third argument must be false")
	}
	out := value.NewObject(a.Len() + b.Len())
	for _, o := range []*value.Object{a, b} {
		for _, m := range o.Members() {
			out.Set(m.Key, m.Value)
		}
	}
	return out, nil
}

func mathAdd(args []any, _ io.Reader) (any, error) {
	a, err := intArg(args[0])
	if err != nil {
		return nil, err
	}
	b, err := intArg(args[1])
	if err != nil {
		return nil, err
	}
	sum := new(big.Int).Add(big.NewInt(a), big.NewInt(b))
	return json.Number(sum.String()), nil
}

func stringSplit(args []any, _ io.Reader) (any, error) {
	s, err := textArg(args[0])
	if err != nil {
		return nil, err
	}
	delimiters, err := textArg(args[1])
	if err != nil {
		return nil, err
	}
	parts := []string{s}
	if delimiters != "" {
		parts = strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(delimiters, r) })
	}
	out := make([]any, len(parts))
	for i, p := range parts {
		out[i] = p
	}
	return out, nil
}

func stringToJSON(args []any, _ io.Reader) (any, error) {
	s, err := textArg(args[0])
	if err != nil || strings.TrimSpace(s) == "" {
		return nil, err
	}
	return value.Parse([]byte(s))
}
