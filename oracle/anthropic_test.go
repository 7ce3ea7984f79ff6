package oracle

import (
	"context"
	"testing"

	sdk "github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"

	"autonoma/internal/model"
	"autonoma/internal/model/anthropic"
)

func TestAnthropic(t *testing.T) {
	our := ours("", anthropic.New)
	t.Run("same", func(t *testing.T) { compare(t, our, anthropicSDK, normalMessages) })
	t.Run("cut", func(t *testing.T) { cutOff(t, our, anthropicSDK) })
}

// normalMessages takes out what is meant to differ: our marks for the cache,
// which the other side does not set; the result of a tool, which is a text or a
// list of one text; is_error, which may be false or missing.
func normalMessages(v any) any {
	return walk(v, func(m map[string]any) {
		delete(m, "cache_control")
		if m["type"] != "tool_result" {
			return
		}
		if m["is_error"] == false {
			delete(m, "is_error")
		}
		if list, ok := m["content"].([]any); ok && len(list) == 1 {
			m["content"] = list[0].(map[string]any)["text"]
		}
	})
}

func anthropicSDK(ctx context.Context, t *testing.T, url string, r model.Request) (all []said, err error) {
	client := sdk.NewClient(option.WithBaseURL(url), option.WithAPIKey("k"), option.WithMaxRetries(0))
	p := sdk.MessageNewParams{
		Model:        "m",
		MaxTokens:    int64(r.MaxTokens),
		System:       []sdk.TextBlockParam{{Text: r.System}},
		Thinking:     sdk.ThinkingConfigParamUnion{OfAdaptive: &sdk.ThinkingConfigAdaptiveParam{}},
		OutputConfig: sdk.OutputConfigParam{Effort: sdk.OutputConfigEffortHigh},
		Messages:     []sdk.MessageParam{sdk.NewUserMessage(sdk.NewTextBlock(r.Messages[0].Text))},
	}
	for _, s := range r.Tools {
		schema := schemaOf(t, s)
		p.Tools = append(p.Tools, sdk.ToolUnionParam{OfTool: &sdk.ToolParam{
			Name: s.Name, Description: sdk.String(s.Description),
			InputSchema: sdk.ToolInputSchemaParam{
				Properties:  schema["properties"],
				ExtraFields: map[string]any{"required": schema["required"], "additionalProperties": schema["additionalProperties"]},
			},
		}})
	}
	for {
		stream := client.Messages.NewStreaming(ctx, p)
		var acc sdk.Message
		for stream.Next() {
			if err := acc.Accumulate(stream.Current()); err != nil {
				return all, err
			}
		}
		if err := stream.Err(); err != nil {
			return all, err
		}
		s := saidBySDK(t, acc)
		all = append(all, s)
		if acc.StopReason != sdk.StopReasonToolUse {
			return all, nil
		}
		var results []sdk.ContentBlockParamUnion
		for _, c := range s.Calls {
			results = append(results, sdk.NewToolResultBlock(c.ID, result(c), false))
		}
		p.Messages = append(p.Messages, acc.ToParam(), sdk.NewUserMessage(results...))
	}
}

func saidBySDK(t *testing.T, m sdk.Message) said {
	s := said{ID: m.ID, Stop: model.StopEnd, Usage: model.Usage{
		InputTokens: int(m.Usage.InputTokens), OutputTokens: int(m.Usage.OutputTokens),
		CacheReadTokens: int(m.Usage.CacheReadInputTokens), CacheWriteTokens: int(m.Usage.CacheCreationInputTokens),
	}}
	for _, b := range m.Content {
		switch b.Type {
		case "text":
			s.Text += b.Text
		case "tool_use":
			s.Calls = append(s.Calls, model.Call{ID: b.ID, Name: b.Name, Args: args(t, string(b.Input))})
			s.Stop = model.StopCalls
		}
	}
	return s
}
