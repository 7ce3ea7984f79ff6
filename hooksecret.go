package autonoma

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// A HookSecret signs what a hook is told. However it is printed, logged or encoded, it
// comes out as stars.
type HookSecret string

// secretPrefix begins a secret whose rest is the key in base64. Of any other secret
// the characters themselves are the key.
const secretPrefix = "whsec_"

// NewHookSecret returns a secret: whsec_ and the base64 of 32 random bytes.
func NewHookSecret() HookSecret {
	var b [32]byte
	rand.Read(b[:]) // never fails
	return HookSecret(secretPrefix + base64.StdEncoding.EncodeToString(b[:]))
}

// Key returns the bytes that s stands for.
func (s HookSecret) Key() ([]byte, error) {
	text, ok := strings.CutPrefix(string(s), secretPrefix)
	if !ok {
		return []byte(s), nil
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errors.New("what follows whsec_ is not base64")
	}
	return key, nil
}

// Check returns an error, which says what is wrong, if nothing should be signed with s.
func (s HookSecret) Check() error {
	key, err := s.Key()
	switch {
	case err != nil:
		return err
	case len(key) < 16 || len(s) > 256:
		return errors.New("must stand for 16 bytes at least, and have 256 characters at most")
	case strings.ContainsFunc(string(s), func(c rune) bool { return c <= ' ' || c > '~' }):
		return errors.New("must be printable ASCII without blanks")
	}
	return nil
}

const stars = "******"

// Format prints stars, whatever the verb.
func (HookSecret) Format(f fmt.State, _ rune) { fmt.Fprint(f, stars) }

// MarshalText encodes stars, so that JSON and logs do too.
func (HookSecret) MarshalText() ([]byte, error) { return []byte(stars), nil }
