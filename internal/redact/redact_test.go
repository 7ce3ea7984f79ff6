package redact_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"autonoma/internal/redact"
)

// odd has all that is written otherwise somewhere.
const odd = "s3cr\"t/+&<\\é=%k3y?"

func knowing(t testing.TB, secrets ...string) *redact.Redactor {
	t.Helper()
	r := redact.New()
	for i, s := range secrets {
		if err := r.Add(fmt.Sprintf("KEY_%d", i), s); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func encode(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

// However a secret is written and whatever stands beside it, it is not there any more;
// what stands beside it still is.
func TestForms(t *testing.T) {
	for _, secret := range []string{"sk-ant-api03-Vq8xZ_T1", "ghp_16C7e42F292c6912E7710c838347Ae178B4a", odd, "abc12345"} {
		r := knowing(t, secret)
		for name, text := range map[string]string{
			"plain":         secret,
			"twice":         secret + secret,
			"JSON":          encode(secret),
			"JSON in JSON":  encode(map[string]string{"args": encode(secret)}),
			"query":         url.QueryEscape(secret),
			"path":          url.PathEscape(secret),
			"small digits":  regexp.MustCompile("%..").ReplaceAllStringFunc(url.QueryEscape(secret), strings.ToLower),
			"hexadecimal":   hex.EncodeToString([]byte(secret)),
			"in capitals":   strings.ToUpper(hex.EncodeToString([]byte(secret))),
			"basic":         "Basic " + base64.StdEncoding.EncodeToString([]byte("x-access-token:"+secret)),
			"userinfo":      "https://" + url.UserPassword("me", secret).String() + "@example.com/",
			"every percent": "%" + strings.ToUpper(strings.Join(strings.Split(fmt.Sprintf("% x", secret), " "), "%")),
		} {
			told := r.Text("before " + text + " after")
			if strings.Contains(told, secret) || strings.Contains(told, text) || !strings.Contains(told, "[redacted: KEY_0]") ||
				!strings.HasPrefix(told, "before ") || !strings.HasSuffix(told, " after") {
				t.Errorf("%s of %q: %q", name, secret, told)
			}
			if again := r.Text(told); again != told {
				t.Errorf("%s: then %q", name, again)
			}
		}
		for _, alphabet := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.RawURLEncoding} {
			for before := range 7 {
				for after := range 4 {
					text := alphabet.EncodeToString([]byte("ABCDEFG"[:before] + secret + "uvw"[:after]))
					told := r.Text(text)
					// What is left are letters that hold no more than six bits of the secret.
					if rest := strings.ReplaceAll(told, "[redacted: KEY_0]", ""); rest == told || len(rest) > before*4/3+after*4/3+6 {
						t.Errorf("base64 of %q after %d and before %d: %q", secret, before, after, told)
					}
				}
			}
		}
	}
}

// Programs wrap what is long: a secret that goes on over the ends of lines is one all
// the same, and the lines beside it stay.
func TestWrapped(t *testing.T) {
	secret := "sk-ant-api03-" + strings.Repeat("Vq8xZ_T1-", 11) + "AA"
	r := knowing(t, secret)
	env := []byte("HOME=/home/agent\nANTHROPIC_API_KEY=" + secret + "\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nLANG=C.UTF-8\n")
	for _, write := range []func([]byte) string{base64.StdEncoding.EncodeToString, base64.URLEncoding.EncodeToString, hex.EncodeToString} {
		for _, width := range []int{40, 64, 76} {
			for _, end := range []string{"\n", "\r\n"} {
				var lines []string
				for text := write(env); text != ""; {
					n := min(width, len(text))
					lines = append(lines, text[:n])
					text = text[n:]
				}
				text := "the environment:\n" + strings.Join(lines, end) + "\nthat was it\n"
				told := r.Text(text)
				if strings.Count(told, "[redacted: KEY_0]") != 1 || !strings.HasPrefix(told, "the environment:\n"+lines[0][:16]) || !strings.HasSuffix(told, lines[len(lines)-1]+"\nthat was it\n") {
					t.Errorf("at %d: %s\nbecame %s", width, text, told)
				}
				if again := r.Text(told); again != told {
					t.Errorf("then %s", again)
				}
				doc := string(r.JSON([]byte(`{"output":` + encode(text) + `}`)))
				if doc != `{"output":`+encode(told)+`}` {
					t.Errorf("in JSON: %s", doc)
				}
			}
		}
	}
	long := strings.Repeat(strings.Repeat("QUJD", 19)+"\n", 1000)
	if r.Text(long) != long {
		t.Error("a long text without a secret is changed")
	}
}

// What only looks alike is left alone.
func TestOthers(t *testing.T) {
	r := knowing(t, "sk-ant-api03-Vq8xZ_T1", odd)
	for _, text := range []string{
		"", "s", "sk-ant-", "sk-ant-api03-Vq8xZ_T", "sk-ant-api03-Vq8xZ-T1", strings.Repeat("sk-ant-api03-", 50), "the quick brown fox",
		strings.Repeat("\x00\xff", 100), "[redacted: KEY_0]",
	} {
		if told := r.Text(text); told != text {
			t.Errorf("%q became %q", text, told)
		}
	}
	var none *redact.Redactor
	if none.Text("a") != "a" || string(none.JSON([]byte("1"))) != "1" || none.Add("A", "sk-ant-api03-Vq8xZ_T1") != nil {
		t.Error("nobody knows something")
	}
}

// A document keeps its shape, whatever in it is secret and however it is escaped.
func TestJSON(t *testing.T) {
	const key = "nAbc12345678"
	r := knowing(t, key, odd, "12345678901234567890", `","kind":"turn","a1`)
	every := ""
	for _, c := range key {
		every += fmt.Sprintf(`\u%04x`, c)
	}
	for doc, want := range map[string]string{
		`{"a":"` + key + `"}`:                       `{"a":"[redacted: KEY_0]"}`,
		`{"` + key + `":1}`:                         `{"[redacted: KEY_0]":1}`,
		`{"a":"` + every + `"}`:                     `{"a":"[redacted: KEY_0]"}`,
		`{"a":"x\nAbc12345678"}`:                    `{"a":"x\nAbc12345678"}`, // a line break, and no secret
		`[12345678901234567890]`:                    `[12345678901234567890]`, // a number holds no text
		`["12345678901234567890","\u003c"]`:         `["[redacted: KEY_2]","\u003c"]`,
		`{"b":"","kind":"turn","a1":2}`:             `{"b":"","kind":"turn","a1":2}`,
		encode([]string{odd}):                       `["[redacted: KEY_1]"]`,
		strings.ReplaceAll(encode(odd), `/`, `\/`):  `"[redacted: KEY_1]"`,
		encode(encode(map[string]string{"x": odd})): `"{\"x\":\"[redacted: KEY_1]\"}"`,
		`"` + key:                            `"[redacted: KEY_0]`, // cut off
		"{\"a\":\"\xff" + key + "\\u003c\"}": "{\"a\":\"\ufffd[redacted: KEY_0]<\"}",
	} {
		got := string(r.JSON([]byte(doc)))
		if got != want {
			t.Errorf("%s became %s, want %s", doc, got, want)
		}
		if again := string(r.JSON([]byte(got))); again != got {
			t.Errorf("%s then became %s", got, again)
		}
		if json.Valid([]byte(doc)) != json.Valid([]byte(got)) {
			t.Errorf("%s is no document", got)
		}
	}
}

// A line that comes in pieces is one line.
func TestWriter(t *testing.T) {
	const key = "sk-ant-api03-Vq8xZ_T1"
	var out bytes.Buffer
	w := knowing(t, key).Writer(&out)
	text := "one " + key + " two\nthree " + key
	for i := range len(text) {
		if _, err := w.Write([]byte(text[i : i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if out.String() != "one [redacted: KEY_0] two\n" {
		t.Errorf("%q is passed on", out.String())
	}
	if err := w.Close(); err != nil || out.String() != "one [redacted: KEY_0] two\nthree [redacted: KEY_0]" {
		t.Errorf("%q in the end, %v", out.String(), err)
	}
}

// What could be a word is not taken for a secret, and is told of.
func TestWeak(t *testing.T) {
	r := redact.New()
	for _, secret := range []string{"any", "a1B2c3", "password", "not-needed", "sk-no-key-required"} {
		if _, ok := errors.AsType[*redact.Weak](r.Add("K", secret)); !ok || r.Text(secret) != secret {
			t.Errorf("%q is taken for a secret", secret)
		}
	}
	for _, secret := range []string{"a1b2c3d4", "correct-horse-battery-staple"} {
		if err := r.Add("A\nB", secret); err != nil || r.Text(secret) != "[redacted: A_B]" {
			t.Errorf("%q: %v", secret, err)
		}
	}
	r.AddLines("FILE", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9u\nZQ==\n-----END OPENSSH PRIVATE KEY-----\n")
	if got := r.Text("b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9u\n-----BEGIN OPENSSH PRIVATE KEY-----"); got != "[redacted: FILE]\n-----BEGIN OPENSSH PRIVATE KEY-----" {
		t.Errorf("%q", got)
	}
}

// Secrets become known while others look.
func TestAddWhileReading(t *testing.T) {
	r := redact.New()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			secret := fmt.Sprintf("secret-number-%08d", i)
			for range 100 {
				r.Text(strings.Repeat("x", 1000))
			}
			if err := r.Add("N", secret); err != nil || r.Text(secret) != "[redacted: N]" {
				t.Errorf("%s is not known: %v", secret, err)
			}
		})
	}
	all.Wait()
}

// Whatever is looked at: no secret is left, a document stays one, and a second look
// changes nothing.
func FuzzJSON(f *testing.F) {
	const key = "nAbc12345678"
	f.Add(`{"a":"` + key + `","b":["\n` + key + `\u0041"]}`)
	f.Add(`"\` + key + `"`)
	f.Fuzz(func(t *testing.T, doc string) {
		r := knowing(t, key)
		got := r.JSON([]byte(doc))
		if json.Valid([]byte(doc)) {
			var v any
			if err := json.Unmarshal(got, &v); err != nil || strings.Contains(fmt.Sprint(v), key) {
				t.Errorf("%q became %q: %v", doc, got, err)
			}
		}
		if again := r.JSON(got); !bytes.Equal(again, got) {
			t.Errorf("%q became %q", got, again)
		}
	})
}

// What it costs, beside a bare copy: for a text of a program without secrets, one in
// which there are some, and an event.
func BenchmarkRedact(b *testing.B) {
	source := strings.Repeat("func (s *Server) handle(w http.ResponseWriter, r *http.Request) { // a line of a program\n", 700)
	event := []byte(encode(map[string]string{"output": source}))
	for _, secrets := range []int{10, 1000} {
		r := redact.New()
		for i := range secrets {
			if err := r.Add("KEY", fmt.Sprintf("aut_%012x_%030d", i*7919, i*104729)); err != nil {
				b.Fatal(err)
			}
		}
		run := func(name string, n int, do func()) {
			b.Run(fmt.Sprintf("%s/secrets=%d", name, secrets), func(b *testing.B) {
				b.SetBytes(int64(n))
				for b.Loop() {
					do()
				}
			})
		}
		run("copy", len(source), func() { _ = strings.Clone(source) })
		run("text", len(source), func() { r.Text(source) })
		hit := source + fmt.Sprintf("aut_%012x_%030d", 7919, 104729) + source
		run("hit", len(hit), func() { r.Text(hit) })
		run("event", len(event), func() { r.JSON(event) })
	}
}
