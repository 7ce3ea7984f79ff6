// Package remote decides which remote repositories git may reach, for whom, as whom,
// and at which address.
//
// Whoever hands over a task names a URL, and may be a stranger to the operator: so a
// URL gets nothing by itself. It leads to public addresses, as nobody. What more there
// is, a [Source] of the operator says: a host that is not public, a token, an ssh key,
// each for the URLs below one place and if need be for some tenants only. The name of
// a host is looked up once, every address is judged, and git connects to one of those.
package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"autonoma/internal/outbound"
	"autonoma/internal/workspace"
)

// A Breadth says which URLs may be worked on beside those that a [Source] names.
type Breadth string

// The breadths.
const (
	Any   Breadth = "any"   // whatever leads to public addresses
	Named Breadth = "named" // none
)

// Breadths are all of them.
var Breadths = []Breadth{Any, Named}

// Rules are what an operator has decided.
type Rules struct {
	Sources []Source
	Breadth Breadth         // empty: Any
	Guard   *outbound.Guard // judges where hosts are that no source names
	Proxied bool            // git uses a proxy, which looks up names that we may not know

	// Forge returns who git is at the host of a forge over https, and whether the
	// operator has named that host; no password: nobody.
	Forge func(host string) (user, password string, named bool)
	// Owner is the tenant whose tasks reach what the user reaches that the server runs
	// as, with their ssh keys; empty: there is none.
	Owner string
	// Tenant returns the name of a tenant.
	Tenant func(ctx context.Context, id string) (string, error)
}

// lookupTime bounds how long a name is looked up.
const lookupTime = 10 * time.Second

// Check returns a [*workspace.SourceError] if nobody may reach a URL. What depends on who
// asks, and on names that cannot be looked up just now, shows when it is reached.
func (r *Rules) Check(ctx context.Context, location string) error {
	to, err := parse(location)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(r.Sources, func(s Source) bool { return s.covers(to) }) || r.Owner != "" {
		return nil
	}
	_, err = r.stranger(ctx, to)
	if refused, ok := errors.AsType[*workspace.SourceError](err); ok && refused.Reason == workspace.ReasonDenied {
		return err
	}
	return nil
}

// Reach returns how git may reach a URL for a tenant, by its identifier. What may not be
// reached is a [*workspace.SourceError].
func (r *Rules) Reach(ctx context.Context, tenant, location string) (workspace.Access, error) {
	to, err := parse(location)
	if err != nil {
		return workspace.Access{}, err
	}
	name := ""
	if tenant != "" { // as of runs that were begun before it was asked for
		if name, err = r.Tenant(ctx, tenant); err != nil {
			return workspace.Access{}, fmt.Errorf("whose task fetches: %w", err)
		}
	}
	if s, ok := r.best(name, tenant, to); ok {
		return s.access(to)
	}
	if r.Owner != "" && name == r.Owner {
		access := r.login(to)
		access.Own = true
		return access, nil
	}
	return r.stranger(ctx, to)
}

// best returns the source that says most exactly how a tenant may reach a remote.
func (r *Rules) best(name, tenant string, to place) (found Source, ok bool) {
	for _, s := range r.Sources {
		mine := len(s.Tenants) == 0 || slices.Contains(s.Tenants, name) || slices.Contains(s.Tenants, tenant)
		if mine && s.covers(to) && (!ok || len(s.path()) > len(found.path())) {
			found, ok = s, true
		}
	}
	return found, ok
}

// stranger returns how anybody may reach a remote that no source names for them.
func (r *Rules) stranger(ctx context.Context, to place) (workspace.Access, error) {
	named := false
	if r.Forge != nil {
		_, _, named = r.Forge(to.address())
	}
	if r.Breadth == Named && !named {
		return workspace.Access{}, denied("give another, or let the operator name it under sources", "%s is not among the remotes that may be worked on here", to.host)
	}
	if to.ssh {
		return workspace.Access{}, denied("give its https:// URL, or let the operator name a key for it under sources", "there is no ssh key for %s here", to.host)
	}
	access := r.login(to)
	if named {
		return access, nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	addrs, err := r.Guard.Addresses(ctx, to.host, to.port)
	if refused, ok := errors.AsType[*outbound.Refusal](err); ok {
		return workspace.Access{}, denied("", "the URL %s", refused.Reason)
	}
	if _, unknown := errors.AsType[*net.DNSError](err); unknown && r.Proxied {
		return access, nil
	}
	if err != nil {
		return workspace.Access{}, &workspace.SourceError{
			Reason: workspace.ReasonUnreachable, Detail: "the host " + to.host + " cannot be looked up", Hint: "check the spelling, or try again later", Err: err,
		}
	}
	access.Addresses = sorted(addrs)
	return access, nil
}

// sorted puts the addresses first that every machine can reach.
func sorted(addrs []netip.Addr) []netip.Addr {
	addrs = slices.Clone(addrs)
	slices.SortStableFunc(addrs, func(a, b netip.Addr) int { return a.Unmap().BitLen() - b.Unmap().BitLen() })
	return addrs
}

// login is who git is at a forge. A host that sources speak of is theirs alone: else a
// token that is for one place there would be for all of it.
func (r *Rules) login(to place) workspace.Access {
	if to.ssh || r.Forge == nil || slices.ContainsFunc(r.Sources, func(s Source) bool { return s.host() == to.host }) {
		return workspace.Access{}
	}
	user, password, _ := r.Forge(to.address())
	if password == "" {
		return workspace.Access{}
	}
	return workspace.Access{Name: "forge " + to.address(), User: user, Password: password}
}

func denied(hint, format string, args ...any) error {
	return &workspace.SourceError{Reason: workspace.ReasonDenied, Detail: fmt.Sprintf(format, args...), Hint: hint}
}

// A place is where a URL leads.
type place struct {
	host string // in small letters, without brackets
	port string
	path string // without slashes at its ends
	ssh  bool
}

func parse(location string) (place, error) {
	host, port, path, ssh, ok := workspace.Endpoint(location)
	if !ok {
		return place{}, denied("use https:// or ssh://", "the URL is of no kind that may be fetched from")
	}
	if port == "" {
		port = map[bool]string{false: "443", true: "22"}[ssh]
	}
	return place{strings.ToLower(strings.Trim(host, "[]")), port, strings.Trim(path, "/"), ssh}, nil
}

// address is the host, with the port unless it is the usual one, as forges are named.
func (p place) address() string {
	if p.port == "443" {
		return p.host
	}
	return net.JoinHostPort(p.host, p.port)
}
