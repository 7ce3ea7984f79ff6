package mcp

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// shownOutput is how many bytes of the head, and of the tail, of what a tool
// returned a model is shown.
const shownOutput = 8 << 10

// render returns what a model is told of a result. One that is an error is returned
// as an error.
func render(r *mcp.CallToolResult) (string, error) {
	if r.NeedsInput() {
		return "", errors.New("the tool wants to ask a person, and nobody can answer here")
	}
	parts := make([]string, 0, len(r.Content))
	for _, c := range r.Content {
		parts = append(parts, part(c))
	}
	if len(parts) == 0 && r.StructuredContent != nil {
		if b, err := json.Marshal(r.StructuredContent); err == nil {
			parts = append(parts, string(b))
		}
	}
	text := excerpt(strings.Join(parts, "\n"))
	switch {
	case text == "" && r.IsError:
		return "", errors.New("the tool failed and does not say why")
	case text == "":
		return "(no output)", nil
	case r.IsError:
		return "", errors.New(text)
	}
	return text, nil
}

// part renders a part of a result. What is not text is named.
func part(c mcp.Content) string {
	switch c := c.(type) {
	case *mcp.TextContent:
		return c.Text
	case *mcp.ImageContent:
		return fmt.Sprintf("(an image, %s, %d bytes: not shown)", word(c.MIMEType), len(c.Data))
	case *mcp.AudioContent:
		return fmt.Sprintf("(a recording, %s, %d bytes: not shown)", word(c.MIMEType), len(c.Data))
	case *mcp.ResourceLink:
		return fmt.Sprintf("(a link to %s, %s)", clip(c.URI, 500), word(c.MIMEType))
	case *mcp.EmbeddedResource:
		switch r := c.Resource; {
		case r == nil:
			return "(nothing)"
		case r.Text != "":
			return fmt.Sprintf("(%s:)\n%s", clip(r.URI, 500), r.Text)
		default:
			return fmt.Sprintf("(%s, %s, %d bytes: not shown)", clip(r.URI, 500), word(r.MIMEType), len(r.Blob))
		}
	}
	return "(something that is not text: not shown)"
}

func word(s string) string {
	if s == "" {
		return "of no stated type"
	}
	return clip(s, 100)
}

// excerpt leaves out the middle of a long text.
func excerpt(text string) string {
	if len(text) <= 2*shownOutput {
		return text
	}
	head, tail := text[:shownOutput], text[len(text)-shownOutput:]
	return fmt.Sprintf("%s\n… (%d bytes left out) …\n%s", strings.ToValidUTF8(head, ""), len(text)-len(head)-len(tail), strings.ToValidUTF8(tail, ""))
}

// clip cuts text to at most n bytes, at a rune, and says so.
func clip(text string, n int) string {
	const mark = "…"
	if len(text) <= n {
		return text
	}
	for n -= len(mark); n > 0 && !utf8.RuneStart(text[n]); {
		n--
	}
	return text[:n] + mark
}
