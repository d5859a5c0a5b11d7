package iam

import "strings"

// like reports whether a text matches a pattern in which * stands for any text and ? for any one byte. It takes no more
// than len(text) x len(pattern) steps, and hardly more than len(text) for patterns with one *.
func like(text, pattern string) bool {
	t, p := 0, 0
	star, from := -1, 0 // where the last * was, and what of the text it has taken up to
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			from++
			p, t = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// arnLike compares part by part: a * does not reach over a colon of the first five.
func arnLike(text, pattern string) bool {
	got, want := strings.SplitN(text, ":", 6), strings.SplitN(pattern, ":", 6)
	if len(got) != len(want) || len(got) < 6 {
		return false
	}
	for i := range got {
		if !like(got[i], want[i]) {
			return false
		}
	}
	return true
}
