package wire

import (
	"fmt"
	"log/slog"
	"regexp"
	"strings"
)

// A Key proves to a provider who asks. However it is printed, logged or
// encoded, it comes out as stars.
type Key string

const stars = "******"

// String returns stars.
func (k Key) String() string {
	if k == "" {
		return ""
	}
	return stars
}

// Format prints stars, whatever the verb.
func (k Key) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.String()) }

// MarshalText encodes stars, so that JSON and YAML do too.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// LogValue logs stars.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// looksLikeKey matches what providers quote from a key they did not like.
var looksLikeKey = regexp.MustCompile(`\b(sk|key|AIza)[-_A-Za-z0-9*.]{8,}`)

// hide takes keys out of a text that comes from outside.
func (k Key) hide(s string) string {
	if len(k) >= 4 {
		s = strings.ReplaceAll(s, string(k), stars)
	}
	return looksLikeKey.ReplaceAllString(s, stars)
}
