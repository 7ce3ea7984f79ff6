package api

import (
	"math"
	"time"

	"autonoma"
)

// Knowledge is something that is remembered of a repository.
type Knowledge struct {
	ID         autonoma.KnowledgeID     `json:"id" doc:"Names it."`
	Source     string                   `json:"source" doc:"The repository it is about, as the tasks name it."`
	Kind       autonoma.KnowledgeKind   `json:"kind" doc:"Where it comes from: the history tells hot_spot, coupling and convention, tasks outcome and rejected, people note."`
	Type       autonoma.ObservationType `json:"type" doc:"What to make of it: it works or is so (pattern), it did not work (anti_pattern), it works better (optimization)."`
	Text       string                   `json:"text" doc:"What is remembered. It may quote the repository, agents and people; secrets are blanked."`
	Paths      []string                 `json:"paths" doc:"The files that it is about."`
	Confidence float64                  `json:"confidence" doc:"How sure it is, from 0 to 1."`
	Relevance  float64                  `json:"relevance" doc:"How much it counts now, from 0 to 1: confidence × 0.5^(days/90) × 0.5 + success rate × 0.3 + uses × 0.2, where 100 uses are as many as count."`
	Successes  int                      `json:"successes" doc:"How many tasks that were told it came to a verified result."`
	Failures   int                      `json:"failures" doc:"How many tasks that were told it came to a result that does not pass its checks."`
	Uses       int                      `json:"uses" doc:"How many tasks were told it."`
	RunID      *autonoma.RunID          `json:"runId" doc:"The task that taught it; null if none did."`
	EditedBy   *autonoma.KeyID          `json:"editedBy" doc:"The key of the person whose words it has; null if they are the platform's."`
	CreatedAt  time.Time                `json:"createdAt" doc:"When it was found. What is found once more begins anew, and keeps its count of uses."`
	UpdatedAt  time.Time                `json:"updatedAt" doc:"When it was found or edited last."`
	LastUsedAt *time.Time               `json:"lastUsedAt" doc:"When a task was told it last; null if none was."`
}

// KnowledgePage is a page of what is remembered, newest first.
type KnowledgePage struct {
	Knowledge  []Knowledge `json:"knowledge" doc:"What is remembered, newest first."`
	NextCursor *string     `json:"nextCursor" doc:"Give it as cursor to get the next page; null on the last."`
}

// CreateNote is the body of POST /v1/knowledge.
type CreateNote struct {
	Source     string                   `json:"source" doc:"The repository it is about, as the tasks name it."`
	Text       string                   `json:"text" doc:"What agents that work on it should know: a sentence or two, at most 500 bytes in one line."`
	Paths      []string                 `json:"paths,omitempty" doc:"The files that it is about, as in cmd/main.go."`
	Type       autonoma.ObservationType `json:"type,omitempty" doc:"What to make of it."`
	Confidence *float64                 `json:"confidence,omitempty" doc:"How sure it is, from 0 to 1; 1 unless told."`
}

// ChangeKnowledge is the body of PATCH /v1/knowledge/{knowledgeId}. What is missing or
// null stays as it is.
type ChangeKnowledge struct {
	Text       *string  `json:"text,omitempty" doc:"What is remembered."`
	Confidence *float64 `json:"confidence,omitempty" doc:"How sure it is, from 0 to 1."`
}

// KnowledgeOf returns something that is remembered as it is shown.
func KnowledgeOf(k autonoma.Knowledge, now time.Time) Knowledge {
	out := Knowledge{
		ID: k.ID, Source: k.Source, Kind: k.Kind, Type: k.Type, Text: k.Text, Paths: k.Paths,
		Confidence: k.Confidence, Relevance: math.Round(k.Relevance(now)*1e4) / 1e4, Successes: k.Successes, Failures: k.Failures, Uses: k.Uses,
		RunID: orNull(k.Origin), EditedBy: orNull(k.EditedBy),
		CreatedAt: Seconds(k.CreatedAt), UpdatedAt: Seconds(k.UpdatedAt), LastUsedAt: secondsOrNull(k.UsedAt),
	}
	if out.Paths == nil {
		out.Paths = []string{}
	}
	return out
}
