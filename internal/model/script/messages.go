package script

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"autonoma/internal/model"
)

// messages is the Messages protocol of Anthropic.
type messages struct{}

type messagesRequest struct {
	Model        string           `json:"model"`
	MaxTokens    int              `json:"max_tokens"`
	Messages     []messagesTurn   `json:"messages"`
	System       messagesContent  `json:"system"`
	Tools        []messagesTool   `json:"tools"`
	Stream       bool             `json:"stream"`
	Thinking     messagesThinking `json:"thinking"`
	OutputConfig struct {
		Effort string          `json:"effort"`
		Format json.RawMessage `json:"format"`
	} `json:"output_config"`
}

// alsoInMessages are fields that exist and change nothing here.
var alsoInMessages = []string{
	"cache_control", "container", "diagnostics", "inference_geo", "metadata", "service_tier",
	"speed", "stop_sequences", "temperature", "tool_choice", "top_k", "top_p",
}

type messagesThinking struct {
	Type         string `json:"type"`
	BudgetTokens int    `json:"budget_tokens"`
	Display      string `json:"display"`
}

type messagesTool struct {
	Type         string          `json:"type"`
	Name         string          `json:"name"`
	Description  string          `json:"description"`
	InputSchema  json.RawMessage `json:"input_schema"`
	CacheControl json.RawMessage `json:"cache_control"`
}

type messagesTurn struct {
	Role    string          `json:"role"`
	Content messagesContent `json:"content"`
}

// messagesContent is a list of blocks; a text is one block.
type messagesContent []messagesBlock

func (c *messagesContent) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		*c = messagesContent{{Type: "text", Text: text}}
		return nil
	}
	return strict(b, (*[]messagesBlock)(c))
}

type messagesBlock struct {
	Type         string          `json:"type"`
	Text         string          `json:"text"`
	ID           string          `json:"id"`
	Name         string          `json:"name"`
	Input        json.RawMessage `json:"input"`
	ToolUseID    string          `json:"tool_use_id"`
	Content      messagesContent `json:"content"`
	IsError      bool            `json:"is_error"`
	Thinking     string          `json:"thinking"`
	Signature    string          `json:"signature"`
	Data         string          `json:"data"`
	CacheControl json.RawMessage `json:"cache_control"`
}

func (messages) idPrefix() string { return "msg_" }

func (messages) parse(body []byte) (asked, error) {
	var r messagesRequest
	if err := strictExcept(body, &r, alsoInMessages); err != nil {
		return asked{}, err
	}
	q := asked{model: r.Model, stream: r.Stream, thoughts: [][]string{}, signs: true}
	if err := errors.Join(r.checkHead(), r.checkMarks()); err != nil {
		return q, err
	}
	q.System = r.System.text()
	q.MaxTokens = r.MaxTokens
	for _, t := range r.Tools {
		q.Tools = append(q.Tools, model.ToolSpec{Name: t.Name, Description: t.Description, Schema: t.InputSchema})
	}
	for i, t := range r.Messages {
		if i > 0 && r.Messages[i-1].Role == t.Role {
			return q, fmt.Errorf("messages.%d: roles must alternate between user and assistant", i)
		}
		said, thoughts, err := t.said()
		if err != nil {
			return q, fmt.Errorf("messages.%d: %w", i, err)
		}
		q.Messages = append(q.Messages, said...)
		if t.Role == "assistant" {
			q.thoughts = append(q.thoughts, thoughts)
		}
	}
	return q, nil
}

func (r messagesRequest) checkHead() error {
	th := r.Thinking
	switch {
	case r.Model == "":
		return errors.New("model: field required")
	case r.MaxTokens < 1:
		return errors.New("max_tokens: field required, and at least 1")
	case !slices.Contains([]string{"", "enabled", "disabled", "adaptive"}, th.Type):
		return fmt.Errorf("thinking.type: %q does not exist", th.Type)
	case th.Type == "enabled" && (th.BudgetTokens < 1024 || th.BudgetTokens >= r.MaxTokens):
		return errors.New("thinking.budget_tokens: must be at least 1024 and less than max_tokens")
	case !slices.Contains([]string{"", "low", "medium", "high", "xhigh", "max"}, r.OutputConfig.Effort):
		return fmt.Errorf("output_config.effort: %q does not exist", r.OutputConfig.Effort)
	}
	return nil
}

// checkMarks counts the marks for the cache.
func (r messagesRequest) checkMarks() error {
	marks := 0
	count := func(mark json.RawMessage) {
		if len(mark) > 0 && string(mark) != "null" {
			marks++
		}
	}
	for _, t := range r.Tools {
		count(t.CacheControl)
	}
	for _, b := range r.System {
		count(b.CacheControl)
	}
	for _, t := range r.Messages {
		for _, b := range t.Content {
			count(b.CacheControl)
		}
	}
	if marks > 4 {
		return fmt.Errorf("cache_control: at most 4 blocks may have it, %d do", marks)
	}
	return nil
}

// said translates a turn and returns the signatures of its thoughts.
func (t messagesTurn) said() (all []model.Message, thoughts []string, err error) {
	m := model.Message{Role: model.Role(t.Role)}
	var texts []string
	for i, b := range t.Content {
		switch {
		case b.Type == "text":
			if strings.TrimSpace(b.Text) == "" {
				return nil, nil, fmt.Errorf("content.%d: text content blocks must be non-empty", i)
			}
			texts = append(texts, b.Text)
		case b.Type == "tool_result" && t.Role == "user":
			if len(texts) > 0 {
				return nil, nil, fmt.Errorf("content.%d: tool_result blocks must come first", i)
			}
			if b.IsError && b.Content.text() == "" {
				return nil, nil, fmt.Errorf("content.%d: content must not be empty if is_error is true", i)
			}
			all = append(all, model.Message{Role: model.Tool, Answer: b.ToolUseID, Text: b.Content.text(), Failed: b.IsError})
		case b.Type == "tool_use" && t.Role == "assistant":
			var object map[string]json.RawMessage
			if json.Unmarshal(b.Input, &object) != nil || object == nil {
				return nil, nil, fmt.Errorf("content.%d: input must be an object", i)
			}
			m.Calls = append(m.Calls, model.Call{ID: b.ID, Name: b.Name, Args: string(b.Input)})
		case b.Type == "thinking" && t.Role == "assistant":
			if i > 0 {
				return nil, nil, fmt.Errorf("content.%d: the thought came first and must stay there", i)
			}
			thoughts = append(thoughts, b.Signature)
		default:
			return nil, nil, fmt.Errorf("content.%d: a block of type %q cannot be here", i, b.Type)
		}
	}
	m.Text = strings.Join(texts, "\n")
	if t.Role != "user" || m.Text != "" || len(all) == 0 {
		all = append(all, m)
	}
	return all, thoughts, nil
}

func (c messagesContent) text() string {
	var texts []string
	for _, b := range c {
		texts = append(texts, b.Text)
	}
	return strings.Join(texts, "\n")
}
