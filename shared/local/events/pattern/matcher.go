package pattern

import (
	"net/netip"
	"strings"
)

// matcher decides on one leaf. Fields that no leaf of the event has are matched by absent alone.
type matcher interface {
	match(v value) bool
}

func matchesAny(matchers []matcher, v value) bool {
	for _, m := range matchers {
		if m.match(v) {
			return true
		}
	}
	return false
}

func matchesAbsence(matchers []matcher) bool {
	for _, m := range matchers {
		if _, ok := m.(absent); ok {
			return true
		}
	}
	return false
}

// equal is an exact value: numbers by value where AWS compares them so, IP addresses in whatever way they are written.
type equal struct {
	value value
	ip    netip.Addr
}

func newEqual(v value) equal {
	e := equal{value: v}
	if v.kind == text {
		e.ip, _ = parseIP(v.text)
	}
	return e
}

func (m equal) match(v value) bool {
	if v.kind != m.value.kind {
		return false
	}
	if v.text == m.value.text {
		return true
	}
	if v.kind == number {
		return v.ok && m.value.ok && v.num == m.value.num
	}
	if v.kind == text && m.ip.IsValid() {
		ip, ok := parseIP(v.text)
		return ok && ip == m.ip
	}
	return false
}

type exists struct{}

func (exists) match(value) bool { return true }

type absent struct{}

func (absent) match(value) bool { return false }

type prefix string

func (m prefix) match(v value) bool { return v.kind == text && strings.HasPrefix(v.text, string(m)) }

type suffix string

func (m suffix) match(v value) bool { return v.kind == text && strings.HasSuffix(v.text, string(m)) }

// equalFold, prefixFold and suffixFold ignore case.
type equalFold string

func (m equalFold) match(v value) bool { return v.kind == text && strings.EqualFold(v.text, string(m)) }

type prefixFold string // in lower case

func (m prefixFold) match(v value) bool {
	return v.kind == text && strings.HasPrefix(strings.ToLower(v.text), string(m))
}

type suffixFold string // in lower case

func (m suffixFold) match(v value) bool {
	return v.kind == text && strings.HasSuffix(strings.ToLower(v.text), string(m))
}

// anythingBut matches every leaf, of whatever type, that none of the others matches.
type anythingBut []matcher

func (m anythingBut) match(v value) bool { return !matchesAny(m, v) }

// between is a range of numbers.
type between struct {
	low, high         micro
	openLow, openHigh bool // the bound itself is outside
	hasLow, hasHigh   bool
}

func (m between) match(v value) bool {
	if v.kind != number || !v.ok {
		return false
	}
	if m.hasLow && (v.num < m.low || m.openLow && v.num == m.low) {
		return false
	}
	return !m.hasHigh || v.num < m.high || !m.openHigh && v.num == m.high
}

// addresses is a CIDR block: from the address it was written with to the last one of its network.
type addresses struct{ first, last netip.Addr }

func (m addresses) match(v value) bool {
	if v.kind != text {
		return false
	}
	ip, ok := parseIP(v.text)
	return ok && ip.BitLen() == m.first.BitLen() && m.first.Compare(ip) <= 0 && ip.Compare(m.last) <= 0
}
