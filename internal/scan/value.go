package scan

import (
	"hash/crc32"
	"math"
	"regexp"
	"strings"
)

// entropy returns how many bits a byte of the text carries, by how often each occurs.
func entropy(s string) float64 {
	var n [256]int
	for i := range len(s) {
		n[s[i]]++
	}
	var bits float64
	for _, k := range n {
		if k > 0 {
			p := float64(k) / float64(len(s))
			bits -= p * math.Log2(p)
		}
	}
	return bits
}

// showWords are words within values that nobody means; the subject of the token that every
// text on JWTs shows is one of them.
var showWords = regexp.MustCompile(`(?i)example|dummy|placeholder|change_?-?me|change-?this|replace|redacted|insert|your[-_]?|x{5,}|\*{3,}|\.{3}|fake|sample|todo|fixme|not-?a-?real|not-?secret|mysecret|my-?password|supersecret|password123|secret123|test-?(?:key|token|secret|password)|0123456789|1234567890|abcdefgh|deadbeef|foobar|eyJzdWIiOiIxMjM0NTY3ODkw|^<.*>$`)

// standsIn reports whether a value is there for show, or to be replaced.
func standsIn(v string) bool {
	return showWords.MatchString(v)
}

// random reports whether a token looks drawn by lot, as real ones are.
func random(v string) bool {
	return !standsIn(v) && entropy(v) > 2.8
}

// mixed is random for tokens whose form alone also fits names.
func mixed(v string) bool {
	return random(v) && strings.ContainsAny(v, "0123456789") && strings.ContainsAny(v, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
}

// passworded reports whether what stands between user and host of a URL is a password.
// A short one may be one too, but not one that every example has.
func passworded(v string) bool {
	switch strings.ToLower(v) {
	case "password", "passwd", "pass", "postgres", "root", "admin", "secret", "user", "guest", "mysql", "test", "pwd", "changeit", "redis", "rabbitmq", "minio", "development", "local", "localhost":
		return false
	}
	return len(v) >= 6 && !standsIn(v) && !reference.MatchString(v) && entropy(v) >= 2
}

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// ours reports whether an API key of this platform is whole: its last six signs are the
// CRC-32 of the thirty before them, in base 62.
func ours(key string) bool {
	secret, sum := key[len(key)-36:len(key)-6], key[len(key)-6:]
	n := crc32.ChecksumIEEE([]byte(secret))
	b := []byte("000000")
	for i := len(b) - 1; n > 0; i-- {
		b[i] = base62[n%62]
		n /= 62
	}
	return string(b) == sum
}
