package oracle

import (
	"context"
	"testing"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
	"github.com/openai/openai-go/v3/shared"

	"autonoma/internal/model"
	"autonoma/internal/model/openai"
)

func TestResponses(t *testing.T) {
	our := ours("/v1", openai.NewResponses)
	t.Run("same", func(t *testing.T) { compare(t, our, responsesSDK, normalResponses) })
	t.Run("cut", func(t *testing.T) { cutOff(t, our, responsesSDK) })
}

// normalResponses takes out what is meant to differ: items that are not stored
// need no id and no status, and a text of the model no annotations, so we send
// none, except for reasoning, which goes back as it came; "message" is the
// default type of an item.
func normalResponses(v any) any {
	return walk(v, func(m map[string]any) {
		switch m["type"] {
		case "message", "function_call":
			delete(m, "id")
			delete(m, "status")
		case "output_text":
			delete(m, "annotations")
			delete(m, "logprobs")
		}
		if m["type"] == "message" {
			delete(m, "type")
		}
	})
}

func responsesSDK(ctx context.Context, t *testing.T, url string, r model.Request) (all []said, err error) {
	client := sdk.NewClient(option.WithBaseURL(url+"/v1"), option.WithAPIKey("k"), option.WithMaxRetries(0))
	input := responses.ResponseInputParam{responses.ResponseInputItemParamOfMessage(r.Messages[0].Text, responses.EasyInputMessageRoleUser)}
	p := responses.ResponseNewParams{
		Model:           "m",
		Instructions:    sdk.String(r.System),
		MaxOutputTokens: sdk.Int(int64(r.MaxTokens)),
		Store:           sdk.Bool(false),
		Include:         []responses.ResponseIncludable{responses.ResponseIncludableReasoningEncryptedContent},
		Reasoning:       shared.ReasoningParam{Effort: shared.ReasoningEffortHigh},
	}
	for _, s := range r.Tools {
		p.Tools = append(p.Tools, responses.ToolUnionParam{OfFunction: &responses.FunctionToolParam{
			Name: s.Name, Description: sdk.String(s.Description), Parameters: schemaOf(t, s), Strict: sdk.Bool(false),
		}})
	}
	for {
		p.Input = responses.ResponseNewParamsInputUnion{OfInputItemList: input}
		stream := client.Responses.NewStreaming(ctx, p)
		var resp responses.Response
		for stream.Next() {
			if e := stream.Current(); e.Type == "response.completed" {
				resp = e.Response
			}
		}
		if err := stream.Err(); err != nil {
			return all, err
		}
		s, items, results := meaning(resp)
		all = append(all, s)
		if s.Stop != model.StopCalls {
			return all, nil
		}
		input = append(append(input, items...), results...)
	}
}

// meaning is what a response says, its items as they are given back, and the
// results of its calls.
func meaning(resp responses.Response) (s said, items, results responses.ResponseInputParam) {
	u := resp.Usage
	read, write := u.InputTokensDetails.CachedTokens, u.InputTokensDetails.CacheWriteTokens
	s = said{ID: resp.ID, Text: resp.OutputText(), Stop: model.StopEnd, Usage: model.Usage{
		InputTokens: int(u.InputTokens - read - write), OutputTokens: int(u.OutputTokens),
		CacheReadTokens: int(read), CacheWriteTokens: int(write),
	}}
	for _, it := range resp.Output {
		switch it.Type {
		case "reasoning":
			p := it.AsReasoning().ToParam()
			items = append(items, responses.ResponseInputItemUnionParam{OfReasoning: &p})
		case "message":
			p := it.AsMessage().ToParam()
			items = append(items, responses.ResponseInputItemUnionParam{OfOutputMessage: &p})
		case "function_call":
			f := it.AsFunctionCall()
			call := model.Call{ID: f.CallID, Name: f.Name, Args: f.Arguments}
			s.Calls, s.Stop = append(s.Calls, call), model.StopCalls
			p := f.ToParam()
			items = append(items, responses.ResponseInputItemUnionParam{OfFunctionCall: &p})
			out := responses.ResponseInputItemParamOfFunctionCallOutput(result(call))
			out.OfFunctionCallOutput.CallID = sdk.String(f.CallID)
			results = append(results, out)
		}
	}
	return s, items, results
}
