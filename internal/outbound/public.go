package outbound

import (
	"net/netip"
	"slices"
)

// reserved are the networks within the public ranges, and all of IPv4, that are not
// for everybody (the registries of RFC 6890), and what stands for the metadata of a
// cloud although it looks public.
var reserved = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
	"192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
	"203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"168.63.129.16/32", // Azure's
	"2001::/23",        // Teredo among others: an IPv4 address that cannot be told
	"2001:db8::/32", "3fff::/20",
)

// global is all of IPv6 that is given out to be public.
var global = netip.MustParsePrefix("2000::/3")

// embedding are the networks of IPv6 whose addresses stand for one of IPv4, and the
// byte at which it begins.
var embedding = []struct {
	prefix netip.Prefix
	at     int
}{
	{netip.MustParsePrefix("64:ff9b::/96"), 12}, // NAT64
	{netip.MustParsePrefix("2002::/16"), 2},     // 6to4
}

// Public reports whether an address is one of the public internet, whatever it is
// written as.
func Public(a netip.Addr) bool {
	a = a.Unmap()
	for _, e := range embedding {
		if e.prefix.Contains(a) {
			b := a.As16()
			return Public(netip.AddrFrom4([4]byte(b[e.at : e.at+4])))
		}
	}
	if !a.Is4() && !global.Contains(a) {
		return false
	}
	for _, p := range reserved {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// nobodys are the networks that are not public and that no operator has hosts in: this
// host and this link, many or all hosts, the metadata of clouds, and what stands for
// another address.
var nobodys = prefixes(
	"0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4",
	"168.63.129.16/32", "100.100.100.200/32", "192.0.0.192/32", "fd00:ec2::/32", // Azure, Alibaba, Oracle, Amazon
	"fe80::/10", "ff00::/8", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/23",
)

// Internal reports whether an address that is not public may be one of the operator's
// own network, or of this machine.
func Internal(a netip.Addr) bool {
	a = a.Unmap()
	if !a.IsValid() || a.IsUnspecified() || Public(a) {
		return false
	}
	if a.Is6() && netip.MustParsePrefix("::/96").Contains(a) && !a.IsLoopback() {
		return false // an address of IPv4, as nobody writes it any more
	}
	return !slices.ContainsFunc(nobodys, func(p netip.Prefix) bool { return p.Contains(a) })
}

func prefixes(texts ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(texts))
	for i, t := range texts {
		all[i] = netip.MustParsePrefix(t)
	}
	return all
}
