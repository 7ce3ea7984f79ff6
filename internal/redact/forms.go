package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// forms returns how a secret may look, itself first.
func forms(secret string) []string {
	all := []string{secret}
	all = append(all, escaped(secret)...)
	all = append(all, percent(secret)...)
	digits := hex.EncodeToString([]byte(secret))
	all = append(all, digits, strings.ToUpper(digits))
	for _, alphabet := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for offset := range 3 {
			all = append(all, within(alphabet, secret, offset))
		}
	}
	slices.Sort(all[1:])
	return slices.Compact(all)
}

// escaped returns what the secret is within strings of JSON, and within those of JSON
// that is a string of JSON itself, as the arguments of a call are.
func escaped(secret string) []string {
	var all []string
	for _, once := range escape(secret) {
		all = append(append(all, once), escape(once)...)
	}
	return all
}

// escape returns a text as a string of JSON: as Go writes it, for HTML and not, and
// with the slash escaped as PHP does.
func escape(text string) []string {
	var all []string
	for _, html := range []bool{false, true} {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(html)
		_ = e.Encode(text) // a string cannot fail
		inner := strings.TrimSuffix(b.String(), "\n")
		inner = inner[1 : len(inner)-1]
		all = append(all, inner, strings.ReplaceAll(inner, "/", `\/`))
	}
	return all
}

// percent returns what the secret is in a URL: in a query, in a path, and with every
// byte encoded; in letters of both cases.
func percent(secret string) []string {
	var every strings.Builder
	for _, c := range []byte(secret) {
		fmt.Fprintf(&every, "%%%02X", c)
	}
	all := []string{url.QueryEscape(secret), url.PathEscape(secret), url.UserPassword("", secret).String()[1:], strings.ReplaceAll(url.QueryEscape(secret), "+", "%20"), every.String()}
	for _, text := range slices.Clone(all) {
		all = append(all, lowerDigits(text))
	}
	return all
}

// lowerDigits writes the digits of what is percent-encoded in small letters.
func lowerDigits(text string) string {
	b := []byte(text)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:], bytes.ToLower(b[i+1:i+3]))
			i += 2
		}
	}
	return string(b)
}

// within returns the letters that a secret becomes, whatever stands beside it, in the
// base64 of a text in which it begins offset bytes after a multiple of three.
func within(alphabet *base64.Encoding, secret string, offset int) string {
	text := alphabet.EncodeToString([]byte(strings.Repeat("\x00", offset) + secret))
	first := (offset*8 + 5) / 6            // letters before it hold bits of what is before
	last := (offset + len(secret)) * 8 / 6 // letters from it on hold bits of what follows
	return text[first:last]
}
