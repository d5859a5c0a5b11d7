package expression

import (
	"strings"
	"unicode/utf8"
)

type tokenKind uint8

const (
	end      tokenKind = iota
	word               // an attribute's or a function's name
	keyword            // AND, SET, ... in any case
	nameRef            // #name
	valueRef           // :value
	integer            // a list's index
	symbol             // an operator or a mark
	unknown            // anything else
)

type token struct {
	kind  tokenKind
	text  string // a keyword in capitals
	start int
	stop  int
}

// keywords can be no names.
var keywords = map[string]bool{
	"AND": true, "OR": true, "NOT": true, "BETWEEN": true, "IN": true, "SET": true, "REMOVE": true, "ADD": true, "DELETE": true,
}

// scan takes a text apart; the last token is the end.
func scan(text string) []token {
	tokens := make([]token, 0, len(text)/4+4)
	for at := 0; ; {
		for at < len(text) && strings.IndexByte(" \t\r\n", text[at]) >= 0 {
			at++
		}
		if at == len(text) {
			return append(tokens, token{kind: end, text: "<EOF>", start: at, stop: at})
		}
		t := next(text, at)
		tokens = append(tokens, t)
		at = t.stop
	}
}

func next(text string, at int) token {
	t := token{start: at, stop: at + 1}
	switch c := text[at]; {
	case letter(c):
		t.kind, t.stop = word, wordEnd(text, at)
		if upper := strings.ToUpper(text[at:t.stop]); keywords[upper] {
			t.kind, t.text = keyword, upper
			return t
		}
	case (c == '#' || c == ':') && wordEnd(text, at+1) > at+1:
		t.kind, t.stop = nameRef, wordEnd(text, at+1)
		if c == ':' {
			t.kind = valueRef
		}
	case c == '0':
		t.kind = integer
	case digit(c):
		t.kind = integer
		for t.stop < len(text) && digit(text[t.stop]) {
			t.stop++
		}
	case c == '<' && at+1 < len(text) && (text[at+1] == '=' || text[at+1] == '>'), c == '>' && at+1 < len(text) && text[at+1] == '=':
		t.kind, t.stop = symbol, at+2
	case strings.IndexByte("=<>()[].,+-", c) >= 0:
		t.kind = symbol
	default:
		_, size := utf8.DecodeRuneInString(text[at:])
		t.kind, t.stop = unknown, at+size
	}
	t.text = text[at:t.stop]
	return t
}

func wordEnd(text string, at int) int {
	for at < len(text) && (letter(text[at]) || digit(text[at]) || text[at] == '_') {
		at++
	}
	return at
}

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func digit(c byte) bool { return c >= '0' && c <= '9' }
