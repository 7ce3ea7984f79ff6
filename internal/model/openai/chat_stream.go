package openai

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"autonoma/internal/model"
	"autonoma/internal/model/wire"
)

// chatReader puts an answer together. It is whole once a finish_reason has come
// and then [DONE] or, from servers that send none, the end of the stream.
type chatReader struct {
	info  model.Info
	asked model.Request

	id, name   string
	text       strings.Builder
	refusal    strings.Builder
	memory     chatMemory
	calls      wire.Calls
	extra      map[*wire.CallParts]json.RawMessage
	order      []*wire.CallParts
	lastIndex  int
	finish     string
	usage      *chatUsage
	answerSize int
}

type chunk struct {
	ID      string          `json:"id"`
	Model   string          `json:"model"`
	Error   json.RawMessage `json:"error"`
	Usage   *chatUsage      `json:"usage"`
	Choices []struct {
		Index        int       `json:"index"`
		Delta        chatDelta `json:"delta"`
		FinishReason string    `json:"finish_reason"`
	} `json:"choices"`
}

type chatDelta struct {
	Content          json.RawMessage `json:"content"`
	ReasoningContent string          `json:"reasoning_content"`
	Reasoning        string          `json:"reasoning"`
	Refusal          string          `json:"refusal"`
	ToolCalls        []chatCallDelta `json:"tool_calls"`
}

type chatCallDelta struct {
	Index    *int   `json:"index"`
	ID       string `json:"id"`
	Function struct {
		Name      string          `json:"name"`
		Arguments json.RawMessage `json:"arguments"`
	} `json:"function"`
	ExtraContent json.RawMessage `json:"extra_content"`
}

func (r *chatReader) Read(e wire.Event) (model.Delta, error) {
	data := bytes.TrimSpace(e.Data)
	if string(data) == "[DONE]" {
		return r.done()
	}
	var c chunk
	if err := json.Unmarshal(data, &c); err != nil {
		return model.Delta{}, fmt.Errorf("chunk: %w", err)
	}
	if e.Name == "error" || len(c.Error) > 0 && string(c.Error) != "null" {
		err := wire.ReadProblem(data).Error(200)
		if err.Kind == "" {
			err.Kind = model.Overloaded
		}
		return model.Delta{}, err
	}
	if c.ID != "" {
		r.id = c.ID
	}
	if c.Model != "" {
		r.name = c.Model
	}
	if c.Usage != nil {
		r.usage = c.Usage
	}
	var d model.Delta
	for _, choice := range c.Choices {
		if choice.Index != 0 {
			continue // not asked for
		}
		d = r.add(choice.Delta)
		if choice.FinishReason != "" {
			r.finish = choice.FinishReason
		}
	}
	return d, nil
}

func (r *chatReader) add(d chatDelta) model.Delta {
	text := contentText(d.Content)
	r.text.WriteString(text)
	r.refusal.WriteString(d.Refusal)
	r.memory.ReasoningContent += d.ReasoningContent
	r.memory.Reasoning += d.Reasoning
	r.answerSize += len(text) + len(d.ReasoningContent) + len(d.Reasoning)
	for _, c := range d.ToolCalls {
		r.addCall(c)
	}
	thought := d.ReasoningContent
	if thought == "" {
		thought = d.Reasoning // some servers send both, which are the same
	}
	return model.Delta{Text: text, Thinking: thought}
}

// addCall adds to the call that c continues. Servers that name no index, or the
// same for all, begin a new call by a new id, or by a name after arguments.
func (r *chatReader) addCall(c chatCallDelta) {
	index := r.lastIndex
	if c.Index != nil {
		index = *c.Index
	}
	r.lastIndex = index
	began := r.calls.Len()
	p := r.calls.At(index)
	another := c.ID != "" && p.ID != "" && c.ID != p.ID
	another = another || c.Index == nil && c.Function.Name != "" && p.Written()
	if another {
		p = r.calls.Begin(index)
	}
	if r.calls.Len() > began {
		r.order = append(r.order, p)
	}
	if p.ID == "" {
		p.ID = c.ID
	}
	if p.Name == "" {
		p.Name = c.Function.Name
	}
	args := argsText(c.Function.Arguments)
	p.Write(args)
	r.answerSize += len(args) + len(c.Function.Name)
	if len(c.ExtraContent) > 0 {
		if r.extra == nil {
			r.extra = map[*wire.CallParts]json.RawMessage{}
		}
		r.extra[p] = bytes.Clone(c.ExtraContent)
	}
}

// contentText is the text of a content, which some servers send in parts.
func contentText(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var parts []struct{ Text string }
	if json.Unmarshal(raw, &parts) != nil {
		return ""
	}
	for _, p := range parts {
		s += p.Text
	}
	return s
}

// argsText is a piece of arguments, which some servers send as an object.
func argsText(raw json.RawMessage) string {
	var s string
	if len(raw) == 0 || json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}
