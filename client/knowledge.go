package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"

	"autonoma"
	"autonoma/api"
)

const notesPath = "/v1/knowledge"

func knowledgePath(id autonoma.KnowledgeID) string {
	return notesPath + "/" + url.PathEscape(string(id))
}

// CreateNote writes down what agents should know of a repository.
func (c *Client) CreateNote(ctx context.Context, in api.CreateNote) (api.Knowledge, error) {
	return do[api.Knowledge](ctx, c, http.MethodPost, notesPath, in)
}

// Knowledge returns something that is remembered.
func (c *Client) Knowledge(ctx context.Context, id autonoma.KnowledgeID) (api.Knowledge, error) {
	return do[api.Knowledge](ctx, c, http.MethodGet, knowledgePath(id), nil)
}

// AllKnowledge yields what is remembered of a source, or of all if it is empty, of a
// kind or of any, newest first. It asks for a page at a time. After an error it yields
// nothing more.
func (c *Client) AllKnowledge(ctx context.Context, source string, kind autonoma.KnowledgeKind) iter.Seq2[api.Knowledge, error] {
	query := url.Values{"limit": {strconv.Itoa(api.MaxPage)}}
	if source != "" {
		query.Set("source", source)
	}
	if kind != "" {
		query.Set("kind", string(kind))
	}
	return paged(ctx, c, notesPath, query, func(p api.KnowledgePage) ([]api.Knowledge, *string) { return p.Knowledge, p.NextCursor })
}

// ChangeKnowledge corrects what is remembered. What is nil stays as it is.
func (c *Client) ChangeKnowledge(ctx context.Context, id autonoma.KnowledgeID, in api.ChangeKnowledge) (api.Knowledge, error) {
	return do[api.Knowledge](ctx, c, http.MethodPatch, knowledgePath(id), in)
}

// DeleteKnowledge forgets something, so that it does not come back by itself.
func (c *Client) DeleteKnowledge(ctx context.Context, id autonoma.KnowledgeID) error {
	return c.remove(ctx, knowledgePath(id))
}
