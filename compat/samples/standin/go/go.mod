module github.com/alibabacloud-go/cams-20200606/v5

go 1.25

require (
	github.com/alibabacloud-go/darabonba-openapi/v2 v2.1.13
	github.com/alibabacloud-go/tea v1.3.13
)
