package client_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"autonoma"
	"autonoma/api"
	"autonoma/client"
)

// Submit a task, follow it to its end, and see what came of it.
func Example() {
	ctx := context.Background()
	c := &client.Client{BaseURL: "http://127.0.0.1:7420", Key: os.Getenv("AUTONOMA_API_KEY")}
	created, err := c.CreateTask(ctx, api.CreateTask{
		Task:         "Make the failing test pass",
		Capabilities: []autonoma.Capability{autonoma.Build},
		Source:       "/path/to/your/project",
	})
	if err != nil {
		log.Fatal(err)
	}
	for event, err := range c.Events(ctx, created.TaskID, 0) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(event.Kind, string(event.Data))
	}
	task, err := c.Task(ctx, created.TaskID)
	if err != nil {
		log.Fatal(err)
	}
	if task.Output != nil && task.Output.Branch != nil {
		fmt.Println(*task.Output.Branch, task.Output.Verification.Status)
	}
}
