package gate

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"autonoma/internal/scan"
)

// Words that may stand for another text: of base64, of digits, of bytes told by percent
// signs.
var (
	in64      = regexp.MustCompile(`[A-Za-z0-9+/_-]{20,}={0,2}`)
	inHex     = regexp.MustCompile(`(?:[0-9a-f]{2}){16,}|(?:[0-9A-F]{2}){16,}`)
	inPercent = regexp.MustCompile(`[\w.~+-]*(?:%[0-9A-Fa-f]{2}[\w.~+-]*){3,}`)
)

// secretsIn returns what looks like a secret in lines, as they are or written in another
// way that is undone at once.
func secretsIn(path string, lines []scan.Line) []scan.Finding {
	found := scan.Secrets(path, lines)
	for _, f := range scan.Secrets(path, decoded(lines)) {
		f.What += ", written in another way"
		found = append(found, f)
	}
	return found
}

// decoded returns the texts that words of lines stand for, with the numbers of the lines.
// A text in base64 may go on in the next line.
func decoded(lines []scan.Line) []scan.Line {
	var all []scan.Line
	for i, l := range lines {
		text := l.Text
		for j := i + 1; j < len(lines) && j-i < 4 && lines[j-1].Text != "" && in64.FindString(lines[j-1].Text) == lines[j-1].Text; j++ {
			text += in64.FindString(lines[j].Text)
		}
		for _, plain := range meanings(text) {
			for line := range strings.Lines(plain) {
				all = append(all, scan.Line{Number: l.Number, Text: strings.TrimRight(line, "\r\n")})
			}
		}
	}
	return all
}

// meanings returns the texts that the words of a line stand for.
func meanings(line string) []string {
	var all []string
	add := func(b []byte, err error) {
		if err == nil && len(b) > 0 && readable(b) {
			all = append(all, string(b))
		}
	}
	for _, word := range in64.FindAllString(line, -1) {
		bare := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(word, "="))
		add(base64.RawStdEncoding.DecodeString(bare))
	}
	for _, word := range inHex.FindAllString(line, -1) {
		add(hex.DecodeString(word))
	}
	for _, word := range inPercent.FindAllString(line, -1) {
		plain, err := url.PathUnescape(word)
		add([]byte(plain), err)
	}
	return all
}

// readable reports whether bytes are a text.
func readable(b []byte) bool {
	return utf8.Valid(b) && strings.IndexFunc(string(b), func(r rune) bool { return r < ' ' && r != '\t' && r != '\n' && r != '\r' }) < 0
}
