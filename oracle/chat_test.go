package oracle

import (
	"context"
	"testing"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/shared"

	"autonoma/internal/model"
	"autonoma/internal/model/openai"
)

func TestChat(t *testing.T) {
	our := ours("/v1", openai.NewChat)
	t.Run("same", func(t *testing.T) { compare(t, our, chatSDK, normalChat) })
	t.Run("cut", func(t *testing.T) { cutOff(t, our, chatSDK) })
}

// normalChat takes out what is meant to differ: we give thoughts back to
// servers that send them, which the SDK drops; an assistant that only makes
// calls has no content, or an empty one; we name the limit as servers other
// than OpenAI's know it.
func normalChat(v any) any {
	return walk(v, func(m map[string]any) {
		delete(m, "reasoning_content")
		if m["role"] == "assistant" && (m["content"] == "" || m["content"] == nil) {
			delete(m, "content")
		}
		if n, ok := m["max_tokens"]; ok {
			delete(m, "max_tokens")
			m["max_completion_tokens"] = n
		}
	})
}

func chatSDK(ctx context.Context, t *testing.T, url string, r model.Request) (all []said, err error) {
	client := sdk.NewClient(option.WithBaseURL(url+"/v1"), option.WithAPIKey("k"), option.WithMaxRetries(0))
	p := sdk.ChatCompletionNewParams{
		Model:               "m",
		MaxCompletionTokens: sdk.Int(int64(r.MaxTokens)),
		ReasoningEffort:     shared.ReasoningEffortHigh,
		StreamOptions:       sdk.ChatCompletionStreamOptionsParam{IncludeUsage: sdk.Bool(true)},
		Messages:            []sdk.ChatCompletionMessageParamUnion{sdk.SystemMessage(r.System), sdk.UserMessage(r.Messages[0].Text)},
	}
	for _, s := range r.Tools {
		p.Tools = append(p.Tools, sdk.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{
			Name: s.Name, Description: sdk.String(s.Description), Parameters: schemaOf(t, s),
		}))
	}
	for {
		stream := client.Chat.Completions.NewStreaming(ctx, p)
		var acc sdk.ChatCompletionAccumulator
		var write int64 // which the accumulator forgets
		for stream.Next() {
			write += stream.Current().Usage.PromptTokensDetails.CacheWriteTokens
			if !acc.AddChunk(stream.Current()) {
				t.Fatal("the SDK cannot put its own chunks together")
			}
		}
		if err := stream.Err(); err != nil {
			return all, err
		}
		choice, u := acc.Choices[0], acc.Usage
		read := u.PromptTokensDetails.CachedTokens
		s := said{ID: acc.ID, Text: choice.Message.Content, Stop: model.StopEnd, Usage: model.Usage{
			InputTokens: int(u.PromptTokens - read - write), OutputTokens: int(u.CompletionTokens),
			CacheReadTokens: int(read), CacheWriteTokens: int(write),
		}}
		p.Messages = append(p.Messages, choice.Message.ToParam())
		for _, c := range choice.Message.ToolCalls {
			call := model.Call{ID: c.ID, Name: c.Function.Name, Args: c.Function.Arguments}
			s.Calls, s.Stop = append(s.Calls, call), model.StopCalls
			p.Messages = append(p.Messages, sdk.ToolMessage(result(call), c.ID))
		}
		all = append(all, s)
		if choice.FinishReason != "tool_calls" {
			return all, nil
		}
	}
}
