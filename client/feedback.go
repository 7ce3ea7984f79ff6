package client

import (
	"context"
	"iter"
	"net/http"

	"autonoma"
	"autonoma/api"
)

const feedbackPath = "/v1/feedback"

// GiveFeedback says whether work that is over was right. Of an execution one thing can
// be said: the same again is answered with what was said.
func (c *Client) GiveFeedback(ctx context.Context, in api.GiveFeedback) (api.Feedback, error) {
	return do[api.Feedback](ctx, c, http.MethodPost, feedbackPath, in)
}

// Feedback returns what was said of work.
func (c *Client) Feedback(ctx context.Context, id autonoma.FeedbackID) (api.Feedback, error) {
	return do[api.Feedback](ctx, c, http.MethodGet, api.FeedbackPathOf(id), nil)
}

// AllFeedback yields what was said of work, newest first.
func (c *Client) AllFeedback(ctx context.Context) iter.Seq2[api.Feedback, error] {
	return pages(ctx, c, feedbackPath, "", func(p api.Feedbacks) ([]api.Feedback, *string) { return p.Feedback, p.NextCursor })
}
