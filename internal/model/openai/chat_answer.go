package openai

import (
	"encoding/json"
	"fmt"

	"autonoma/internal/model"
	"autonoma/internal/model/wire"
)

type chatUsage struct {
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
	TotalTokens      int `json:"total_tokens"`
	Details          struct {
		Cached     int `json:"cached_tokens"`
		CacheWrite int `json:"cache_write_tokens"`
	} `json:"prompt_tokens_details"`
	CacheHit int `json:"prompt_cache_hit_tokens"` // DeepSeek's name
}

// End forgives servers that send no [DONE], once all else has come.
func (r *chatReader) End() *model.Answer {
	if r.finish == "" {
		return nil
	}
	d, err := r.done()
	if err != nil {
		return nil
	}
	return d.Done
}

func (r *chatReader) done() (model.Delta, error) {
	a := model.Answer{ID: r.id, Model: r.name, Usage: r.used()}
	switch r.finish {
	case "stop":
		a.Stop = model.StopEnd
	case "tool_calls", "function_call":
		a.Stop = model.StopCalls
	case "length":
		a.Stop = model.StopLength
	case "content_filter":
		return model.Delta{}, &model.Error{Kind: model.Refused, Message: "the provider's filter stopped the answer", Usage: a.Usage}
	case "":
		return model.Delta{}, &model.Error{Kind: model.Cut, Message: "the answer ended without saying why", Usage: a.Usage}
	default:
		return model.Delta{}, fmt.Errorf("finish_reason %q is not known", r.finish)
	}
	if r.refusal.Len() > 0 && r.text.Len() == 0 && r.calls.Len() == 0 {
		return model.Delta{}, &model.Error{Kind: model.Refused, Message: r.refusal.String(), Usage: a.Usage}
	}
	a.Message = model.Message{Role: model.Assistant, Text: r.text.String(), Calls: r.calls.List(r.asked.Messages)}
	a.Stop = wire.Stop(a.Stop, len(a.Message.Calls))
	opaque, err := r.remember()
	a.Message.Opaque = opaque
	return model.Delta{Done: &a}, err
}

// remember keeps what the server wants back, which is only ever with calls.
func (r *chatReader) remember() (json.RawMessage, error) {
	if r.calls.Len() == 0 {
		return nil, nil
	}
	memory := r.memory
	if len(r.extra) > 0 {
		for _, p := range r.order {
			memory.Extra = append(memory.Extra, r.extra[p])
		}
	}
	if memory.Reasoning == "" && memory.ReasoningContent == "" && memory.Extra == nil {
		return nil, nil
	}
	return wire.Seal(chatName, r.info, memory)
}

// used translates usage. Here input includes what came from the cache, and
// thoughts are missing from the output of some servers, but not from the total.
// A server that tells nothing is estimated at four bytes for a token, so that
// budgets hold there too.
func (r *chatReader) used() model.Usage {
	u := r.usage
	if u == nil || u.PromptTokens == 0 && u.CompletionTokens == 0 && u.TotalTokens == 0 {
		return model.Usage{InputTokens: sizeOf(r.asked)/4 + 1, OutputTokens: r.answerSize/4 + 1}
	}
	return split(u.PromptTokens, max(u.Details.Cached, u.CacheHit), u.Details.CacheWrite,
		max(u.CompletionTokens, u.TotalTokens-u.PromptTokens))
}

// split makes four counts that do not overlap of an input that includes the
// cached parts. Nothing becomes negative, whatever a server says.
func split(input, cacheRead, cacheWrite, output int) model.Usage {
	input = max(input, 0)
	cacheRead = min(max(cacheRead, 0), input)
	cacheWrite = min(max(cacheWrite, 0), input-cacheRead)
	return model.Usage{
		InputTokens:      input - cacheRead - cacheWrite,
		OutputTokens:     max(output, 0),
		CacheReadTokens:  cacheRead,
		CacheWriteTokens: cacheWrite,
	}
}

func sizeOf(r model.Request) int {
	n := len(r.System)
	for _, m := range r.Messages {
		n += len(m.Text)
		for _, c := range m.Calls {
			n += len(c.Name) + len(c.Args)
		}
	}
	for _, t := range r.Tools {
		n += len(t.Name) + len(t.Description) + len(t.Schema)
	}
	return n
}
