package secret_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"autonoma"
	"autonoma/internal/store"
)

// Whoever keeps secrets out of other places hears of all that there are, and of every
// new one; of what a tenant has thought of itself, they do not.
func TestTell(t *testing.T) {
	dir := t.TempDir()
	s, db := open(t, dir)
	first := s.New()
	put := func(owner string, plain autonoma.HookSecret) {
		if err := db.Update(t.Context(), func(tx *store.Tx) error { return s.Put(tx, owner, plain) }); err != nil {
			t.Fatal(err)
		}
	}
	put("hook_1", first)
	own := []autonoma.HookSecret{"a sentence of a tenant", autonoma.NewHookSecret()}
	for i, plain := range own {
		put(fmt.Sprint("hook_own", i), plain)
	}
	second := rotate(t, s, db, "hook_1").Newest

	s, db = open(t, dir)
	var told []string
	if err := s.Tell(t.Context(), func(_, secret string) { told = append(told, secret) }); err != nil {
		t.Fatal(err)
	}
	third := s.New()
	put("hook_3", third)
	seed := signer(t, s).Seed()
	key, err := os.ReadFile(filepath.Join(dir, "secret.key"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{string(key), string(first), string(second), string(third), string(seed)} {
		if !slices.Contains(told, strings.TrimPrefix(want, "whsec_")) {
			t.Errorf("%q is not told", want)
		}
	}
	for _, plain := range own {
		if slices.Contains(told, strings.TrimPrefix(string(plain), "whsec_")) {
			t.Errorf("a tenant can take %q from others", string(plain))
		}
	}
}
