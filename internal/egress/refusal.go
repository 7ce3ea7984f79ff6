package egress

import (
	"fmt"
	"net/http"
	"strings"

	"autonoma"
)

// A refusal is why something was not reached.
type refusal struct {
	code autonoma.EgressCode
	text string
	err  error
}

func (r *refusal) Error() string { return r.text }

func (r *refusal) Unwrap() error { return r.err }

func notNamed(p Policy, address string) error {
	return &refusal{code: autonoma.EgressPolicy, text: fmt.Sprintf("the policy of %s does not name %s", p.Name, address)}
}

// notPublic does not say which address it is: that is nobody's business inside.
func notPublic(host string, own bool) error {
	text := host + " does not lead to public addresses alone; the operator can say that it may, with the setting privateHosts"
	if own {
		text = host + " leads to an address that no host of the operator's can have"
	}
	return &refusal{code: autonoma.EgressAddress, text: text}
}

func unreachable(host string, err error) *refusal {
	return &refusal{autonoma.EgressUnreachable, host + " could not be reached", err}
}

func overLimit(what string) error {
	return &refusal{code: autonoma.EgressLimit, text: "the command has " + what + " as much as it may"}
}

// explain answers a request that cannot be granted, for people to read: what was
// refused, by what, and how that can be changed.
func (p Policy) explain(w http.ResponseWriter, address string, r *refusal) {
	status := http.StatusForbidden
	if r.code == autonoma.EgressUnreachable {
		status = http.StatusBadGateway
	}
	var b strings.Builder
	fmt.Fprintf(&b, "autonoma: %s: %s.\n", address, r.text)
	if r.code == autonoma.EgressPolicy {
		fmt.Fprintf(&b, "It names %s.\n%s\n", listed(p.Names()), p.How)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Connection", "close")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(b.String())) // who does not listen need not be told
}

// shown is how many hosts of a policy are listed.
const shown = 20

func listed(names []string) string {
	switch n := len(names); {
	case n == 0:
		return "no host"
	case n > shown:
		return strings.Join(names[:shown], ", ") + fmt.Sprintf(" and %d more", n-shown)
	}
	return strings.Join(names, ", ")
}
