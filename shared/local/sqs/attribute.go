package sqs

import (
	"crypto/md5" //nolint:gosec // the protocol's checksum, not a secret
	"encoding/binary"
	"encoding/hex"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// MessageAttribute is a typed value that goes with a message's body. DataType is String, Number or Binary, with a dot and
// more behind it if one likes.
type MessageAttribute struct {
	DataType    string
	StringValue string `json:",omitempty"`
	BinaryValue []byte `json:",omitempty"`
}

func (a MessageAttribute) isBinary() bool { return strings.HasPrefix(a.DataType, "Binary") }

func (a MessageAttribute) value() string {
	if a.isBinary() {
		return string(a.BinaryValue)
	}
	return a.StringValue
}

const maxAttributes = 10

var (
	attributeName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,256}$`)
	attributeType = regexp.MustCompile(`^(String|Number|Binary)(\..*)?$`)
)

func checkMessageAttributes(all map[string]MessageAttribute) error {
	if len(all) > maxAttributes {
		return invalid("Number of message attributes [%d] exceeds the allowed maximum [%d].", len(all), maxAttributes)
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		a := all[name]
		switch {
		case !attributeName.MatchString(name) || strings.HasPrefix(strings.ToLower(name), "aws.") || strings.HasPrefix(strings.ToLower(name), "amazon."):
			return invalid("Invalid message attribute name '%s'.", name)
		case a.DataType == "":
			return invalid("The message attribute '%s' must contain a non-empty message attribute type.", name)
		case !attributeType.MatchString(a.DataType):
			return invalid("The message attribute '%s' has an invalid message attribute type, the set of supported type prefixes is "+
				"Binary, Number, and String.", name)
		case a.value() == "":
			return invalid("The message attribute '%s' must contain a non-empty message attribute value for message attribute type '%s'.", name, a.DataType)
		}
	}
	return nil
}

func sizeOf(body string, attributes map[string]MessageAttribute) int {
	n := len(body)
	for name, a := range attributes {
		n += len(name) + len(a.DataType) + len(a.value())
	}
	return n
}

func checksum(body string) string {
	sum := md5.Sum([]byte(body)) //nolint:gosec // as the protocol wants it
	return hex.EncodeToString(sum[:])
}

// attributesChecksum is computed as the developer guide has it: name, type and value of each attribute by name, every text with
// its length before it. "" when there are none.
func attributesChecksum(all map[string]MessageAttribute) string {
	if len(all) == 0 {
		return ""
	}
	var text []byte
	add := func(s string) {
		text = binary.BigEndian.AppendUint32(text, uint32(len(s))) //nolint:gosec // below the size of a message
		text = append(text, s...)
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		a := all[name]
		add(name)
		add(a.DataType)
		if a.isBinary() {
			text = append(text, 2)
		} else {
			text = append(text, 1)
		}
		add(a.value())
	}
	return checksum(string(text))
}

// chosen gives the attributes that a receiver asks for: by name, by "prefix.*", or "All".
func chosen(all map[string]MessageAttribute, names []string) map[string]MessageAttribute {
	out := map[string]MessageAttribute{}
	for name, a := range all {
		if slices.ContainsFunc(names, func(want string) bool {
			prefix, isPrefix := strings.CutSuffix(want, "*")
			return want == "All" || want == name || isPrefix && strings.HasPrefix(name, prefix)
		}) {
			out[name] = a
		}
	}
	return out
}
