package forge

import (
	"fmt"
	"log/slog"
	"strings"
)

// A Token proves to a forge who asks. However it is printed, logged or encoded, it
// comes out as stars.
type Token string

const stars = "***"

// Format prints stars, whatever the verb.
func (t Token) Format(f fmt.State, _ rune) { fmt.Fprint(f, stars) }

// MarshalText encodes stars, so that JSON and YAML do too.
func (t Token) MarshalText() ([]byte, error) { return []byte(stars), nil }

// LogValue logs stars.
func (t Token) LogValue() slog.Value { return slog.StringValue(stars) }

// proper reports whether t can be sent at all: a line break would begin a header of
// its own.
func (t Token) proper() bool {
	return !strings.ContainsFunc(string(t), func(r rune) bool { return r <= ' ' || r > '~' })
}

// hide takes the token out of a text that comes from outside.
func (t Token) hide(text string) string {
	if t == "" {
		return text
	}
	return strings.ReplaceAll(text, string(t), stars)
}
