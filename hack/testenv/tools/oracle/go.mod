module tools/oracle

go 1.26.8

require (
	github.com/robfig/cron v1.2.0
	golang.org/x/net v0.58.0
)

require golang.org/x/text v0.41.0 // indirect
