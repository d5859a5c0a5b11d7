package pattern

import (
	"net/netip"
	"strconv"
	"strings"
)

func parseIP(s string) (netip.Addr, bool) {
	ip, err := netip.ParseAddr(s)
	return ip, err == nil && ip.Zone() == ""
}

// parseCIDR reads "address/bits". reason says, in AWS's words, what is wrong with it;
// empty: nothing. Like AWS it refuses blocks of a single address, for which an exact value is enough.
func parseCIDR(s string) (m addresses, reason string) {
	address, mask, ok := strings.Cut(s, "/")
	if !ok || strings.Contains(mask, "/") {
		return addresses{}, "Malformed CIDR, one '/' required"
	}
	bits, err := strconv.Atoi(mask)
	if err != nil {
		return addresses{}, "Malformed CIDR, mask bits must be an integer"
	}
	if bits < 0 {
		return addresses{}, "Malformed CIDR, mask bits must not be negative"
	}
	first, ok := parseIP(address)
	if !ok {
		return addresses{}, "Nonstandard IP address: " + address
	}
	if first.Is4() && bits > 31 {
		return addresses{}, "IPv4 mask bits must be < 32"
	}
	if bits > 127 {
		return addresses{}, "IPv6 mask bits must be < 128"
	}
	top := first.AsSlice()
	for i := range top {
		host := min(max((i+1)*8-bits, 0), 8)
		top[i] |= byte(1<<host - 1)
	}
	last, _ := netip.AddrFromSlice(top)
	return addresses{first, last}, ""
}
