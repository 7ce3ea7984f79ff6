package tool

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

type askArgs struct {
	Question string   `json:"question" jsonschema:"the question, understandable without this conversation"`
	Why      string   `json:"why" jsonschema:"what depends on the answer"`
	Options  []string `json:"options,omitempty" jsonschema:"the answers you can think of, the one you would take first"`
}

// maxQuestion is how many characters a question has at most, with its options.
const maxQuestion = 4000

// Ask is the tool with which an agent asks a human. It calls ask with the question and
// the reason, and tells the model what that returns.
func Ask(ask func(ctx context.Context, question, why string) (string, error)) Tool {
	return New("ask", func(ctx context.Context, in askArgs) (string, error) {
		question := strings.TrimSpace(in.Question)
		if question == "" {
			return "", errors.New("the question is empty")
		}
		for i, o := range in.Options {
			question += fmt.Sprintf("\n%d. %s", i+1, strings.TrimSpace(o))
		}
		why := strings.TrimSpace(in.Why)
		if utf8.RuneCountInString(question)+utf8.RuneCountInString(why) > maxQuestion {
			return "", fmt.Errorf("the question is too long: at most %d characters with its reason and options", maxQuestion)
		}
		return ask(ctx, question, why)
	})
}
