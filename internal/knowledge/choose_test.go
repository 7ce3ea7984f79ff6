package knowledge_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"autonoma"
	"autonoma/internal/knowledge"
)

var now = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

func told(text string, confidence float64, days int) autonoma.Knowledge {
	return autonoma.Knowledge{Kind: autonoma.Note, Text: text, Confidence: confidence, CreatedAt: now.AddDate(0, 0, -days)}
}

func TestChoose(t *testing.T) {
	pay := told("Mind the rounding.", 0.1, 400)
	pay.Paths = []string{"src/payment/Round.go"}
	all := []autonoma.Knowledge{
		told("The oldest of all.", 1, 300), told("What is of today.", 1, 0), told("The less sure of them.", 0.4, 0), pay,
	}
	for _, tt := range []struct {
		name, task string
		most       int
		want       string
	}{
		{"by relevance", "Something else", 1000, "What is of today. The less sure of them. The oldest of all. Mind the rounding."},
		{"by the task's words in paths", "Mend PAYMENT", 1000, "Mind the rounding. What is of today. The less sure of them. The oldest of all."},
		{"by words in the text", "oldest", 1000, "The oldest of all. What is of today. The less sure of them. Mind the rounding."},
		{"what does not fit is left out, what does is not", "Mend payment", 43, "What is of today. The oldest of all."},
		{"nothing fits", "Mend payment", 10, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			chosen := knowledge.Choose(all, tt.task, now, tt.most)
			for _, k := range chosen {
				got = append(got, k.Text)
			}
			if text := strings.Join(got, " "); text != tt.want {
				t.Errorf("got %q, want %q", text, tt.want)
			}
			if n := len(knowledge.Text(chosen)); n > tt.most {
				t.Errorf("%d bytes, of at most %d", n, tt.most)
			}
		})
	}
	if text := knowledge.Text([]autonoma.Knowledge{pay}); text != "- Mind the rounding. (src/payment/Round.go)\n" {
		t.Error(text)
	}
	if knowledge.Choose(nil, "x", now, 1000) != nil {
		t.Error("something was chosen of nothing")
	}
}

// Of however much there is, what is told has its limit.
func TestChooseOfMuch(t *testing.T) {
	var all []autonoma.Knowledge
	for i := range 1000 {
		all = append(all, told(fmt.Sprintf("Thing %d is %s.", i, strings.Repeat("x", i%400)), float64(i%10)/10, i))
	}
	chosen := knowledge.Choose(all, "thing 417", now, 2000)
	if n := len(knowledge.Text(chosen)); n > 2000 || n < 1900 || chosen[0].Text != all[417].Text {
		t.Errorf("%d bytes, first %q", n, chosen[0].Text)
	}
}
