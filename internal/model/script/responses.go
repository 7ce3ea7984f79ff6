package script

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"autonoma/internal/model"
)

// responses is the Responses protocol of OpenAI, without anything stored.
type responses struct{}

type responsesRequest struct {
	Model           string          `json:"model"`
	Input           responsesInput  `json:"input"`
	Instructions    string          `json:"instructions"`
	Tools           []responsesTool `json:"tools"`
	Stream          bool            `json:"stream"`
	Store           *bool           `json:"store"`
	Include         []string        `json:"include"`
	MaxOutputTokens *int            `json:"max_output_tokens"`
}

// alsoInResponses are fields that exist and change nothing here.
var alsoInResponses = []string{
	"max_tool_calls", "metadata", "parallel_tool_calls", "prompt_cache_key", "prompt_cache_options",
	"prompt_cache_retention", "reasoning", "safety_identifier", "service_tier", "stream_options",
	"temperature", "text", "tool_choice", "top_logprobs", "top_p", "truncation", "user",
}

type responsesTool struct {
	Type        string          `json:"type"`
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Parameters  json.RawMessage `json:"parameters"`
	Strict      *bool           `json:"strict"`
}

// responsesInput is a list of items; a text is one message of the user.
type responsesInput []responsesItem

func (in *responsesInput) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		*in = responsesInput{{Role: "user", Content: chatContent(text)}}
		return nil
	}
	return strict(b, (*[]responsesItem)(in))
}

type responsesItem struct {
	Type      string            `json:"type"`
	ID        string            `json:"id"`
	Status    string            `json:"status"`
	Role      string            `json:"role"`
	Phase     string            `json:"phase"`
	Content   chatContent       `json:"content"`
	CallID    string            `json:"call_id"`
	Name      string            `json:"name"`
	Arguments string            `json:"arguments"`
	Output    string            `json:"output"`
	Encrypted string            `json:"encrypted_content"`
	Summary   []json.RawMessage `json:"summary"`
}

func (responses) idPrefix() string { return "resp_" }

const encryptedContent = "reasoning.encrypted_content"

func (responses) parse(body []byte) (asked, error) {
	var r responsesRequest
	if err := strictExcept(body, &r, alsoInResponses); err != nil {
		return asked{}, err
	}
	q := asked{model: r.Model, stream: r.Stream, signs: slices.Contains(r.Include, encryptedContent)}
	if r.Model == "" {
		return q, errors.New("missing required parameter: model")
	}
	q.System = r.Instructions
	for i, t := range r.Tools {
		if t.Type != "function" || len(t.Parameters) == 0 {
			return q, fmt.Errorf("tools.%d: must be a function with parameters", i)
		}
		q.Tools = append(q.Tools, model.ToolSpec{Name: t.Name, Description: t.Description, Schema: t.Parameters})
	}
	thoughts, err := r.Input.into(&q)
	if err == nil && q.signs {
		q.thoughts = thoughts
	}
	return q, err
}

// into adds the items to the messages of q: all that the assistant says in a
// row is one message. It returns the thoughts of each.
func (in responsesInput) into(q *asked) (thoughts [][]string, err error) {
	speaking, thought := false, false
	speak := func() *model.Message {
		if !speaking {
			q.Messages = append(q.Messages, model.Message{Role: model.Assistant})
			thoughts = append(thoughts, nil)
			speaking = true
		}
		thought = false
		return &q.Messages[len(q.Messages)-1]
	}
	for i, it := range in {
		own := it.Type == "reasoning" || it.Type == "function_call" || it.Role == "assistant"
		if thought && !own {
			return nil, fmt.Errorf("input.%d: an item of type reasoning was given without the item that followed it", i-1)
		}
		switch {
		case it.Type == "reasoning":
			if it.Encrypted == "" {
				return nil, fmt.Errorf("input.%d: items are not stored: encrypted_content is missing", i)
			}
			speak()
			thought = true
			thoughts[len(thoughts)-1] = append(thoughts[len(thoughts)-1], it.Encrypted)
		case it.Type == "function_call":
			m := speak()
			m.Calls = append(m.Calls, model.Call{ID: it.CallID, Name: it.Name, Args: it.Arguments})
		case it.Type == "function_call_output":
			q.Messages = append(q.Messages, model.Message{Role: model.Tool, Answer: it.CallID, Text: it.Output})
		case (it.Type == "message" || it.Type == "") && it.Role == "assistant":
			m := speak()
			m.Text += string(it.Content)
		case (it.Type == "message" || it.Type == "") && it.Role == "user":
			q.Messages = append(q.Messages, model.Message{Role: model.User, Text: string(it.Content)})
		case (it.Type == "message" || it.Type == "") && (it.Role == "system" || it.Role == "developer") && i == 0:
			q.System += string(it.Content)
		default:
			return nil, fmt.Errorf("input.%d: type %q of role %q cannot be here", i, it.Type, it.Role)
		}
		speaking = own
	}
	if thought {
		return nil, errors.New("input: the last item is of type reasoning, without the item that followed it")
	}
	return thoughts, nil
}
