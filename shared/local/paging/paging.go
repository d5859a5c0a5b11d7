// Package paging cuts lists into pages, with tokens that say where the next one begins.
package paging

import "encoding/base64"

// Cut gives the page of a list that a token leads to (an empty one: the first), of at most limit elements, and the token of
// the page after it; "" when there is none. The list is in order of the elements' keys. ok is false when the token is none of ours.
func Cut[T any](all []T, key func(*T) string, limit int, token string) (part []T, next string, ok bool) {
	last, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return nil, "", false
	}
	part = make([]T, 0, min(limit, len(all)))
	for i := range all {
		if token != "" && key(&all[i]) <= string(last) {
			continue
		}
		if len(part) == limit {
			return part, base64.RawURLEncoding.EncodeToString([]byte(key(&part[limit-1]))), true
		}
		part = append(part, all[i])
	}
	return part, "", true
}
