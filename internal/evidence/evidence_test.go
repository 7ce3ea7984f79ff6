package evidence_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"autonoma"
	"autonoma/internal/evidence"
)

// key returns a key made of one byte, the same each time.
func key(b byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, ed25519.SeedSize))
}

func public(k ed25519.PrivateKey) []ed25519.PublicKey {
	return []ed25519.PublicKey{k.Public().(ed25519.PublicKey)}
}

func record() evidence.Record {
	return evidence.Record{
		Run: "task_a1b2c3d4e5f6", Source: "/src/greeting", Branch: "autonoma/task_a1b2c3d4e5f6",
		Base:   evidence.State{Commit: strings.Repeat("a", 40), Tree: strings.Repeat("b", 40)},
		Head:   evidence.State{Commit: strings.Repeat("c", 40), Tree: strings.Repeat("d", 40)},
		Status: autonoma.Verified, ChosenBy: evidence.ByBase,
		Commands: []evidence.Command{{
			Command: "go test ./...", Base: &evidence.Outcome{ExitCode: 1, DurationMS: 7},
			Head: evidence.Outcome{Output: evidence.Printed{SHA256: strings.Repeat("e", 64), Bytes: 12}, Tests: &autonoma.Tests{Passed: 3}},
		}},
		Tools: map[string]string{"go": "go version go1.26"}, Isolation: "namespaces", OS: "linux", Arch: "amd64", Server: "1.2.3",
		Gates: []autonoma.Gate{}, StartedAt: time.Unix(1_700_000_000, 0).UTC(), EndedAt: time.Unix(1_700_000_001, 0).UTC(),
	}
}

func sign(t *testing.T) []byte {
	t.Helper()
	sealed, err := evidence.Sign(key(1), record())
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

// What is signed comes out as it went in, with the key that signed it, whatever other
// keys there are.
func TestRoundTrip(t *testing.T) {
	keys := append(public(key(2)), public(key(1))...)
	got, err := evidence.Open(sign(t), keys)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(record(), got.Record); diff != "" {
		t.Error(diff)
	}
	want, err := evidence.KeyID(keys[1])
	if err != nil || got.KeyID != want {
		t.Errorf("signed by %s, want %s (%v)", got.KeyID, want, err)
	}
}

// The form is that of others: an in-toto statement, in a DSSE envelope whose
// signature is over the type and the body with their lengths.
func TestForm(t *testing.T) {
	var e struct {
		PayloadType string
		Payload     []byte
		Signatures  []struct {
			KeyID string
			Sig   []byte
		}
	}
	if err := json.Unmarshal(sign(t), &e); err != nil {
		t.Fatal(err)
	}
	var s struct {
		Type          string `json:"_type"`
		PredicateType string
		Subject       []struct {
			Name   string
			Digest map[string]string
		}
	}
	if err := json.Unmarshal(e.Payload, &s); err != nil {
		t.Fatal(err)
	}
	if e.PayloadType != "application/vnd.in-toto+json" || s.Type != "https://in-toto.io/Statement/v1" || s.PredicateType != evidence.PredicateType {
		t.Errorf("%s, %s, %s", e.PayloadType, s.Type, s.PredicateType)
	}
	if len(s.Subject) != 1 || s.Subject[0].Digest["gitCommit"] != strings.Repeat("c", 40) || s.Subject[0].Digest["gitTree"] != strings.Repeat("d", 40) {
		t.Errorf("subject %+v", s.Subject)
	}
	signed := append([]byte("DSSEv1 28 application/vnd.in-toto+json "), []byte(lengthOf(e.Payload)+" ")...)
	if len(e.Signatures) != 1 || !ed25519.Verify(public(key(1))[0], append(signed, e.Payload...), e.Signatures[0].Sig) {
		t.Error("the signature is not one over the pre-authentication encoding")
	}
}

func lengthOf(b []byte) string {
	n, _ := json.Marshal(len(b))
	return string(n)
}

// seal makes an envelope of anything, signed by the first key, with its name or none.
func seal(payloadType, payload, keyID string) string {
	signed := "DSSEv1 " + lengthOf([]byte(payloadType)) + " " + payloadType + " " + lengthOf([]byte(payload)) + " " + payload
	sig := ed25519.Sign(key(1), []byte(signed))
	b, _ := json.Marshal(map[string]any{
		"payloadType": payloadType, "payload": base64.URLEncoding.EncodeToString([]byte(payload)),
		"signatures": []any{map[string]string{"keyid": keyID, "sig": base64.URLEncoding.EncodeToString(sig)}},
		"more":       "to be passed over",
	})
	return string(b)
}

func payloadOf(t *testing.T) string {
	t.Helper()
	var e struct{ Payload []byte }
	if err := json.Unmarshal(sign(t), &e); err != nil {
		t.Fatal(err)
	}
	return string(e.Payload)
}

// Other signers may leave out the name of the key, use the other alphabet of base64,
// and say more than we read.
func TestOthersMayWriteIt(t *testing.T) {
	if _, err := evidence.Open([]byte(seal(evidence.PayloadType, payloadOf(t), "")), public(key(1))); err != nil {
		t.Error(err)
	}
}

// Whatever is not exactly a record that a known key has signed is refused, and says
// why.
func TestRefused(t *testing.T) {
	good, payload := string(sign(t)), payloadOf(t)
	statement := func(old, new string) string {
		if !strings.Contains(payload, old) {
			t.Fatalf("there is no %s in %s", old, payload)
		}
		return seal(evidence.PayloadType, strings.Replace(payload, old, new, 1), "")
	}
	for name, c := range map[string]struct{ sealed, why string }{
		"nothing":          {"", "no envelope"},
		"something else":   {`{"a":1}`, "of the type"},
		"cut off":          {good[:len(good)-1], "no envelope"},
		"trailing data":    {good + "{}", "something follows"},
		"other type":       {seal("text/plain", payload, ""), "of the type"},
		"type swapped":     {strings.Replace(seal("text/plain", payload, ""), "text/plain", evidence.PayloadType, 1), "changed after it was signed"},
		"no base64":        {strings.Replace(good, `"payload":"`, `"payload":"!`, 1), "no base64"},
		"not signed":       {good[:strings.Index(good, `"signatures"`)] + `"signatures":[]}`, "none of the 1 keys"},
		"another key":      {strings.Replace(good, `"keyid":"`, `"keyid":"0`, 1), "none of the 1 keys"},
		"too large":        {good + strings.Repeat(" ", evidence.MaxEnvelope), "more than"},
		"no statement":     {seal(evidence.PayloadType, "[]", ""), "no statement"},
		"two statements":   {seal(evidence.PayloadType, payload+payload, ""), "something follows"},
		"other statement":  {statement("in-toto.io/Statement/v1", "in-toto.io/Statement/v2"), "something else"},
		"other predicate":  {statement("autonoma.invalid/evidence/v1", "slsa.dev/provenance/v1"), "something else"},
		"other subject":    {statement(`"gitCommit":"cc`, `"gitCommit":"ce`), "its subject"},
		"no identifier":    {statement(`"base":{"commit":"aa`, `"base":{"commit":"-a`), "no identifier of git"},
		"one byte changed": {strings.Replace(good, `"payload":"eyJ`, `"payload":"eyK`, 1), "changed after it was signed"},
	} {
		_, err := evidence.Open([]byte(c.sealed), public(key(1)))
		if !errors.Is(err, evidence.ErrRefused) || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v, want %q", name, err, c.why)
		}
	}
	if _, err := evidence.Open([]byte(good), public(key(2))); !errors.Is(err, evidence.ErrRefused) {
		t.Errorf("the wrong key opens it: %v", err)
	}
	if _, err := evidence.Open([]byte(good), nil); !errors.Is(err, evidence.ErrRefused) {
		t.Errorf("no key opens it: %v", err)
	}
}

// FuzzOpen: nothing that anybody sends brings the reader down.
func FuzzOpen(f *testing.F) {
	f.Add([]byte(`{"payloadType":"application/vnd.in-toto+json","payload":"","signatures":[{"sig":""}]}`))
	f.Fuzz(func(t *testing.T, sealed []byte) {
		if _, err := evidence.Open(sealed, public(key(1))); err == nil {
			t.Errorf("%s is taken for evidence", sealed)
		}
	})
}

// Keys go through PEM; what is not one is said.
func TestKeys(t *testing.T) {
	var text string
	for _, b := range []byte{1, 2} {
		one, err := evidence.PEM(public(key(b))[0])
		if err != nil {
			t.Fatal(err)
		}
		text += "key " + string('0'+b) + ":\n" + one
	}
	keys, err := evidence.ParseKeys([]byte(text))
	if err != nil || len(keys) != 2 || !keys[1].Equal(public(key(2))[0]) {
		t.Errorf("%d keys, %v", len(keys), err)
	}
	private := "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB\n-----END PRIVATE KEY-----\n"
	for _, bad := range []string{"", "x", private, "-----BEGIN PUBLIC KEY-----\nMA==\n-----END PUBLIC KEY-----\n"} {
		if _, err := evidence.ParseKeys([]byte(bad)); err == nil {
			t.Errorf("%q is taken for a key", bad)
		}
	}
	// RFC 8410, section 10.1, with the digest that sha256sum gives of its DER.
	const known = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n"
	keys, err = evidence.ParseKeys([]byte(known))
	if err != nil {
		t.Fatal(err)
	}
	if id, err := evidence.KeyID(keys[0]); id != "a1e9156054e04fac899ae9f275132cdc07a5dbc4ea2c2ad3a1ffc6e0d253681f" || err != nil {
		t.Errorf("key id %s, %v", id, err)
	}
}

// Secrets in a source stay where they are.
func TestRedact(t *testing.T) {
	for source, want := range map[string]string{
		"/src/greeting":                            "/src/greeting",
		"https://example.com/a.git":                "https://example.com/a.git",
		"https://ann:secret@example.com/a.git":     "https://example.com/a.git",
		"https://example.com/a.git?token=secret#x": "https://example.com/a.git",
		"git@example.com:a.git":                    "git@example.com:a.git",
		"":                                         "",
	} {
		if got := evidence.Redact(source); got != want {
			t.Errorf("%s becomes %s", source, got)
		}
	}
}
