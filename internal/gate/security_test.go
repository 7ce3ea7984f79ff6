package gate_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"autonoma"
	"autonoma/internal/gate"
)

// token is nobody's: it only has the form of one. It is put together here so that no
// scanner takes this file for what it is about.
var token = "ghp_" + "aB3dE5gH7jK9mN1pQ3sT5vW7xY9zA2cD4fG6"

func TestSecrets(t *testing.T) {
	demo := func(f *gate.Facts) { f.Scope = autonoma.Demo }
	pem := "-----BEGIN " + "PRIVATE KEY-----\n" + strings.Repeat("MIIEvQIBADANBgkq", 4) + "\n-----END " + "PRIVATE KEY-----\n"
	try(t, "secrets", gate.AtChange, []tried{
		{"none", "", "-- a.go --\npackage a\n", demo, autonoma.GatePassed, "no secret"},
		{"in a new line", "", "-- a.go --\npackage a\n\nconst key = \"" + token + "\"\n", demo, autonoma.GateFailed, "a.go:3: "},
		{"it was there before", "-- a.go --\nconst key = \"" + token + "\"\n", "-- a.go --\nconst key = \"" + token + "\"\nvar x int\n", demo, autonoma.GatePassed, "no secret"},
		{"in what calls itself binary", "", "-- .gitattributes --\n* -diff\n-- a.go --\nconst key = \"" + token + "\"\n", demo, autonoma.GateFailed, "a.go:1: "},
		{"in what is binary", "", "-- a.bin --\n\x00\x01\nkey=" + token + "\n", demo, autonoma.GateFailed, "a.bin:2: "},
		{"in UTF-16", "", "-- a.txt --\n" + wide("key="+token+"\n"), demo, autonoma.GateFailed, "a.txt:1: "},
		{"in the name of a file", "", "-- a/" + token + ".txt --\nx\n", demo, autonoma.GateFailed, "(the names of the files):1: "},
		{"in a binary file that is too large to be read", "", "-- a.bin --\n\x00" + strings.Repeat("x", 16<<20) + token + "\n", demo, autonoma.GateFailed, "a.bin is too large"},
		{"a key", "", "-- server.pem --\n" + pem, demo, autonoma.GateFailed, "server.pem:1: a private key"},
		{"a key that tests are given", "", "-- testdata/server.pem --\n" + pem, demo, autonoma.GatePassed, "for tests only, as it seems: testdata/server.pem:1: a private key"},
		{"in base64", "", "-- a.txt --\n" + base64.StdEncoding.EncodeToString([]byte("the key: "+token)) + "\n", demo, autonoma.GateFailed, "written in another way"},
		{"in base64 for URLs, without an end", "", "-- a.go --\nvar x = \"" + base64.RawURLEncoding.EncodeToString([]byte(token+"?")) + "\"\n", demo, autonoma.GateFailed, "a.go:1: "},
		{"in base64 of several lines", "", "-- a.txt --\n" + base64.StdEncoding.EncodeToString([]byte("password or token: " + token))[:40] + "\n" + base64.StdEncoding.EncodeToString([]byte("password or token: " + token))[40:] + "\n", demo, autonoma.GateFailed, "a.txt:1: "},
		{"in digits", "", "-- a.txt --\n" + hex.EncodeToString([]byte(token)) + "\n", demo, autonoma.GateFailed, "a.txt:1: "},
		{"in a URL", "", "-- a.txt --\nhttps://x.invalid/?q=" + percent(token) + "\n", demo, autonoma.GateFailed, "a.txt:1: "},
		{"in the name of a file, in digits", "", "-- " + hex.EncodeToString([]byte(token)) + " --\nx\n", demo, autonoma.GateFailed, "(the names of the files):1: "},
		{"a digest", "", "-- a.txt --\nsha256:" + strings.Repeat("0123456789abcdef", 4) + " sha512-" + strings.Repeat("Zm9v", 20) + "==\n", demo, autonoma.GatePassed, "no secret"},
		{"in the words of the commit", "", "-- a.go --\npackage a\n", func(f *gate.Facts) { f.Result.Summary = "Use it.\n\nkey = " + token }, autonoma.GateFailed, "(the message of the commit):3: "},
	})
}

// percent is a text with each byte told by a percent sign.
func percent(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}

// wide is a text in UTF-16, as some shells write it.
func wide(text string) string {
	b := []byte{0xff, 0xfe}
	for _, c := range []byte(text) {
		b = append(b, c, 0)
	}
	return string(b)
}

// What a secret is, is told to nobody: neither who reads nor who is to mend it.
func TestSecretsAreNotTold(t *testing.T) {
	f := facts(t, "", "-- migrations/a.sql --\nDROP TABLE a; -- "+token+"\n")
	policy, err := gate.Default()
	if err != nil {
		t.Fatal(err)
	}
	out, err := policy.Measure(t.Context(), gate.AtChange, f)
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Withheld) != 1 || out.Withheld[0] != "secrets" {
		t.Errorf("withheld: %v", out.Withheld)
	}
	told := strings.Join(out.Mend, "\n")
	for _, g := range out.Gates {
		told += "\n" + g.Message
	}
	if strings.Contains(told, token) || !strings.Contains(told, "DROP TABLE a") {
		t.Errorf("it is told:\n%s", told)
	}
}

// A change that cannot be looked through does not pass for one without secrets.
func TestUnmeasured(t *testing.T) {
	f := facts(t, "", "-- a.go --\npackage a\n")
	f.Patch = func(context.Context) ([]byte, error) { return nil, gate.ErrUnreadable }
	g, _ := measured(t, "secrets", gate.AtChange, f)
	if g.Status != autonoma.GateFailed || !strings.Contains(g.Message, "cannot be looked through") {
		t.Errorf("secrets: %+v", g)
	}
	if g, _ = measured(t, "diff_size", gate.AtChange, f); g.Status != autonoma.GateSkipped || !strings.Contains(g.Message, "cannot be looked through") {
		t.Errorf("diff_size: %+v", g)
	}
}

func TestSecurityScan(t *testing.T) {
	try(t, "security_scan", gate.AtChange, []tried{
		{"none", "", "-- a.py --\nx = 1\n", nil, autonoma.GatePassed, "no weakness"},
		{"of high risk", "", "-- a.py --\nimport pickle\nimport subprocess\n\ndef f(x):\n    subprocess.run(\"ls \" + x, shell=True)\n", nil, autonoma.GateFailed, "a.py:5: "},
	})
}
