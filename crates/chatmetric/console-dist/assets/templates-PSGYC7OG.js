var n={GetChatappPhoneNumberMetric:[{id:"python",title:"Python",language:"python",install:"pip install alibabacloud-cams20200606",file:"sample.py",template:[{text:`# -*- coding: utf-8 -*-
import os
import sys

from typing import List

from alibabacloud_tea_openapi import models as open_api_models
from alibabacloud_cams20200606.client import Client as CamsClient
from alibabacloud_cams20200606 import models as cams_models


class Sample:
    @staticmethod
    def main(
        args: List[str],
    ) -> None:
        config = open_api_models.Config(
            access_key_id=os.environ['ALIBABA_CLOUD_ACCESS_KEY_ID'],
            access_key_secret=os.environ['ALIBABA_CLOUD_ACCESS_KEY_SECRET'],
`},{optional:"protocol",parts:[{text:"            protocol="},{hole:"protocol",type:"string"},{text:`,
`}]},{text:"            endpoint="},{hole:"host",type:"string"},{text:`
        )
        client = CamsClient(config)
        request = cams_models.GetChatappPhoneNumberMetricRequest(
`},{optional:"IsvCode",parts:[{text:"            isv_code="},{hole:"IsvCode",type:"string"},{text:`,
`}]},{optional:"CustSpaceId",parts:[{text:"            cust_space_id="},{hole:"CustSpaceId",type:"string"},{text:`,
`}]},{optional:"Granularity",parts:[{text:"            granularity="},{hole:"Granularity",type:"string"},{text:`,
`}]},{optional:"PhoneNumber",parts:[{text:"            phone_number="},{hole:"PhoneNumber",type:"string"},{text:`,
`}]},{text:"            start="},{hole:"Start",type:"int",example:"1693107714687"},{text:`,
            end=`},{hole:"End",type:"int",example:"1693407714687"},{text:`
        )
        response = client.get_chatapp_phone_number_metric(request)
        for row in response.body.data:
            print(row.start, row.phone_number, row.sent_count, row.delivered_count)


if __name__ == '__main__':
    Sample.main(sys.argv[1:])
`}]},{id:"typescript",title:"TypeScript",language:"typescript",install:"npm install @alicloud/cams20200606 @alicloud/openapi-client",file:"sample.ts",template:[{text:`import Cams, * as $Cams from '@alicloud/cams20200606';
import * as $OpenApi from '@alicloud/openapi-client';


export default class Client {

  static async main(args: string[]): Promise<void> {
    let config = new $OpenApi.Config({
      accessKeyId: process.env.ALIBABA_CLOUD_ACCESS_KEY_ID,
      accessKeySecret: process.env.ALIBABA_CLOUD_ACCESS_KEY_SECRET,
`},{optional:"protocol",parts:[{text:"      protocol: "},{hole:"protocol",type:"string"},{text:`,
`}]},{text:"      endpoint: "},{hole:"host",type:"string"},{text:`,
    });
    let client = new Cams(config);
    let request = new $Cams.GetChatappPhoneNumberMetricRequest({
`},{optional:"IsvCode",parts:[{text:"      isvCode: "},{hole:"IsvCode",type:"string"},{text:`,
`}]},{optional:"CustSpaceId",parts:[{text:"      custSpaceId: "},{hole:"CustSpaceId",type:"string"},{text:`,
`}]},{optional:"Granularity",parts:[{text:"      granularity: "},{hole:"Granularity",type:"string"},{text:`,
`}]},{optional:"PhoneNumber",parts:[{text:"      phoneNumber: "},{hole:"PhoneNumber",type:"string"},{text:`,
`}]},{text:"      start: "},{hole:"Start",type:"int",example:"1693107714687"},{text:`,
      end: `},{hole:"End",type:"int",example:"1693407714687"},{text:`,
    });
    let response = await client.getChatappPhoneNumberMetric(request);
    for (const row of response.body?.data ?? []) {
      console.log(row.start, row.phoneNumber, row.sentCount, row.deliveredCount);
    }
  }

}

Client.main(process.argv.slice(2));
`}]},{id:"java",title:"Java",language:"java",install:"Maven or Gradle: com.aliyun:cams20200606",file:"Sample.java",template:[{text:`public class Sample {

    public static void main(String[] args) throws Exception {
        com.aliyun.teaopenapi.models.Config config = new com.aliyun.teaopenapi.models.Config()
                .setAccessKeyId(System.getenv("ALIBABA_CLOUD_ACCESS_KEY_ID"))
                .setAccessKeySecret(System.getenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET"))
`},{optional:"protocol",parts:[{text:"                .setProtocol("},{hole:"protocol",type:"string"},{text:`)
`}]},{text:"                .setEndpoint("},{hole:"host",type:"string"},{text:`);
        com.aliyun.cams20200606.Client client = new com.aliyun.cams20200606.Client(config);
        com.aliyun.cams20200606.models.GetChatappPhoneNumberMetricRequest request = new com.aliyun.cams20200606.models.GetChatappPhoneNumberMetricRequest()
`},{optional:"IsvCode",parts:[{text:"                .setIsvCode("},{hole:"IsvCode",type:"string"},{text:`)
`}]},{optional:"CustSpaceId",parts:[{text:"                .setCustSpaceId("},{hole:"CustSpaceId",type:"string"},{text:`)
`}]},{optional:"Granularity",parts:[{text:"                .setGranularity("},{hole:"Granularity",type:"string"},{text:`)
`}]},{optional:"PhoneNumber",parts:[{text:"                .setPhoneNumber("},{hole:"PhoneNumber",type:"string"},{text:`)
`}]},{text:"                .setStart("},{hole:"Start",type:"int",example:"1693107714687"},{text:`L)
                .setEnd(`},{hole:"End",type:"int",example:"1693407714687"},{text:`L);
        com.aliyun.cams20200606.models.GetChatappPhoneNumberMetricResponse response = client.getChatappPhoneNumberMetric(request);
        response.getBody().getData().forEach(row -> System.out.println(
                row.getStart() + " " + row.getPhoneNumber() + " " + row.getSentCount() + " " + row.getDeliveredCount()));
    }
}
`}]},{id:"java-async",title:"Java (async)",language:"java",install:"Maven or Gradle: com.aliyun:alibabacloud-cams20200606",file:"Sample.java",template:[{text:`import com.aliyun.auth.credentials.Credential;
import com.aliyun.auth.credentials.provider.StaticCredentialProvider;
import com.aliyun.sdk.service.cams20200606.AsyncClient;
import com.aliyun.sdk.service.cams20200606.models.GetChatappPhoneNumberMetricRequest;
import com.aliyun.sdk.service.cams20200606.models.GetChatappPhoneNumberMetricResponse;
import com.aliyun.sdk.service.cams20200606.models.GetChatappPhoneNumberMetricResponseBody;
import darabonba.core.client.ClientOverrideConfiguration;
import java.util.concurrent.CompletableFuture;

public class Sample {
    public static void main(String[] args) throws Exception {
        StaticCredentialProvider credentials = StaticCredentialProvider.create(Credential.builder()
                .accessKeyId(System.getenv("ALIBABA_CLOUD_ACCESS_KEY_ID"))
                .accessKeySecret(System.getenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET"))
                .build());
        try (AsyncClient client = AsyncClient.builder()
                .credentialsProvider(credentials)
                .overrideConfiguration(ClientOverrideConfiguration.create()
`},{optional:"protocol",parts:[{text:`                        .setProtocol("HTTP")
`}]},{text:"                        .setEndpointOverride("},{hole:"host",type:"string"},{text:`))
                .build()) {
            GetChatappPhoneNumberMetricRequest request = GetChatappPhoneNumberMetricRequest.builder()
`},{optional:"IsvCode",parts:[{text:"                    .isvCode("},{hole:"IsvCode",type:"string"},{text:`)
`}]},{optional:"CustSpaceId",parts:[{text:"                    .custSpaceId("},{hole:"CustSpaceId",type:"string"},{text:`)
`}]},{optional:"Granularity",parts:[{text:"                    .granularity("},{hole:"Granularity",type:"string"},{text:`)
`}]},{optional:"PhoneNumber",parts:[{text:"                    .phoneNumber("},{hole:"PhoneNumber",type:"string"},{text:`)
`}]},{text:"                    .start("},{hole:"Start",type:"int",example:"1693107714687"},{text:`L)
                    .end(`},{hole:"End",type:"int",example:"1693407714687"},{text:`L)
                    .build();
            CompletableFuture<GetChatappPhoneNumberMetricResponse> future = client.getChatappPhoneNumberMetric(request);
            for (GetChatappPhoneNumberMetricResponseBody.Data row : future.get().getBody().getData()) {
                System.out.println(row.getStart() + " " + row.getPhoneNumber() + " " + row.getSentCount() + " " + row.getDeliveredCount());
            }
        }
    }
}
`}]},{id:"go",title:"Go",language:"go",install:"go get github.com/alibabacloud-go/cams-20200606/v5/client",file:"main.go",template:[{text:`package main

import (
	"fmt"
	"os"

	cams "github.com/alibabacloud-go/cams-20200606/v5/client"
	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	"github.com/alibabacloud-go/tea/tea"
)

func _main(args []*string) (_err error) {
	config := &openapi.Config{
		AccessKeyId: tea.String(os.Getenv("ALIBABA_CLOUD_ACCESS_KEY_ID")),
		AccessKeySecret: tea.String(os.Getenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET")),
`},{optional:"protocol",parts:[{text:"		Protocol: tea.String("},{hole:"protocol",type:"string"},{text:`),
`}]},{text:"		Endpoint: tea.String("},{hole:"host",type:"string"},{text:`),
	}
	client, _err := cams.NewClient(config)
	if _err != nil {
		return _err
	}

	request := &cams.GetChatappPhoneNumberMetricRequest{
`},{optional:"IsvCode",parts:[{text:"		IsvCode: tea.String("},{hole:"IsvCode",type:"string"},{text:`),
`}]},{optional:"CustSpaceId",parts:[{text:"		CustSpaceId: tea.String("},{hole:"CustSpaceId",type:"string"},{text:`),
`}]},{optional:"Granularity",parts:[{text:"		Granularity: tea.String("},{hole:"Granularity",type:"string"},{text:`),
`}]},{optional:"PhoneNumber",parts:[{text:"		PhoneNumber: tea.String("},{hole:"PhoneNumber",type:"string"},{text:`),
`}]},{text:"		Start: tea.Int64("},{hole:"Start",type:"int",example:"1693107714687"},{text:`),
		End: tea.Int64(`},{hole:"End",type:"int",example:"1693407714687"},{text:`),
	}
	response, _err := client.GetChatappPhoneNumberMetric(request)
	if _err != nil {
		return _err
	}

	for _, row := range response.Body.Data {
		fmt.Println(tea.Int64Value(row.Start), tea.StringValue(row.PhoneNumber), tea.Int32Value(row.SentCount), tea.Int32Value(row.DeliveredCount))
	}
	return _err
}

func main() {
	err := _main(tea.StringSlice(os.Args[1:]))
	if err != nil {
		panic(err)
	}
}
`}]},{id:"php",title:"PHP",language:"php",install:"composer require alibabacloud/cams-20200606",file:"sample.php",community:!0,template:[{text:`<?php

namespace Sample;

use AlibabaCloud\\SDK\\Cams\\V20200606\\Cams;
use Darabonba\\OpenApi\\Models\\Config;
use AlibabaCloud\\SDK\\Cams\\V20200606\\Models\\GetChatappPhoneNumberMetricRequest;

class Sample {

    public static function main($args){
        $config = new Config([
            "accessKeyId" => getenv("ALIBABA_CLOUD_ACCESS_KEY_ID"),
            "accessKeySecret" => getenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET"),
`},{optional:"protocol",parts:[{text:'            "protocol" => '},{hole:"protocol",type:"string"},{text:`,
`}]},{text:'            "endpoint" => '},{hole:"host",type:"string"},{text:`
        ]);
        $client = new Cams($config);
        $request = new GetChatappPhoneNumberMetricRequest([
`},{optional:"IsvCode",parts:[{text:'            "isvCode" => '},{hole:"IsvCode",type:"string"},{text:`,
`}]},{optional:"CustSpaceId",parts:[{text:'            "custSpaceId" => '},{hole:"CustSpaceId",type:"string"},{text:`,
`}]},{optional:"Granularity",parts:[{text:'            "granularity" => '},{hole:"Granularity",type:"string"},{text:`,
`}]},{optional:"PhoneNumber",parts:[{text:'            "phoneNumber" => '},{hole:"PhoneNumber",type:"string"},{text:`,
`}]},{text:'            "start" => '},{hole:"Start",type:"int",example:"1693107714687"},{text:`,
            "end" => `},{hole:"End",type:"int",example:"1693407714687"},{text:`
        ]);
        $response = $client->getChatappPhoneNumberMetric($request);
        foreach ($response->body->data ?? [] as $row) {
            echo $row->start, " ", $row->phoneNumber, " ", $row->sentCount, " ", $row->deliveredCount, "\\n";
        }
    }
}

require_once __DIR__ . '/vendor/autoload.php';
Sample::main(array_slice($argv, 1));
`}]},{id:"csharp",title:"C#",language:"csharp",install:"dotnet add package AlibabaCloud.SDK.Cams20200606",file:"Sample.cs",community:!0,template:[{text:`using System;

namespace Sample
{
    public class Sample
    {

        public static void Main(string[] args)
        {
            AlibabaCloud.OpenApiClient.Models.Config config = new AlibabaCloud.OpenApiClient.Models.Config
            {
                AccessKeyId = Environment.GetEnvironmentVariable("ALIBABA_CLOUD_ACCESS_KEY_ID"),
                AccessKeySecret = Environment.GetEnvironmentVariable("ALIBABA_CLOUD_ACCESS_KEY_SECRET"),
`},{optional:"protocol",parts:[{text:"                Protocol = "},{hole:"protocol",type:"string"},{text:`,
`}]},{text:"                Endpoint = "},{hole:"host",type:"string"},{text:`,
            };
            AlibabaCloud.SDK.Cams20200606.Client client = new AlibabaCloud.SDK.Cams20200606.Client(config);
            AlibabaCloud.SDK.Cams20200606.Models.GetChatappPhoneNumberMetricRequest request = new AlibabaCloud.SDK.Cams20200606.Models.GetChatappPhoneNumberMetricRequest
            {
`},{optional:"IsvCode",parts:[{text:"                IsvCode = "},{hole:"IsvCode",type:"string"},{text:`,
`}]},{optional:"CustSpaceId",parts:[{text:"                CustSpaceId = "},{hole:"CustSpaceId",type:"string"},{text:`,
`}]},{optional:"Granularity",parts:[{text:"                Granularity = "},{hole:"Granularity",type:"string"},{text:`,
`}]},{optional:"PhoneNumber",parts:[{text:"                PhoneNumber = "},{hole:"PhoneNumber",type:"string"},{text:`,
`}]},{text:"                Start = "},{hole:"Start",type:"int",example:"1693107714687"},{text:`,
                End = `},{hole:"End",type:"int",example:"1693407714687"},{text:`,
            };
            AlibabaCloud.SDK.Cams20200606.Models.GetChatappPhoneNumberMetricResponse response = client.GetChatappPhoneNumberMetric(request);
            foreach (var row in response.Body.Data)
            {
                Console.WriteLine(row.Start + " " + row.PhoneNumber + " " + row.SentCount + " " + row.DeliveredCount);
            }
        }
    }
}
`}]},{id:"cpp",title:"C++",language:"cpp",install:"git clone https://github.com/aliyun/alibabacloud-cpp-sdk, then build its cams-20200606 with CMake",file:"main.cpp",template:[{text:`#include <alibabacloud/Cams20200606.hpp>
#include <cstdlib>
#include <iostream>

int main() {
  AlibabaCloud::OpenApi::Utils::Models::Config config;
  config.setAccessKeyId(std::getenv("ALIBABA_CLOUD_ACCESS_KEY_ID"));
  config.setAccessKeySecret(std::getenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET"));
`},{optional:"protocol",parts:[{text:"  config.setProtocol("},{hole:"protocol",type:"string"},{text:`);
`}]},{text:"  config.setEndpoint("},{hole:"host",type:"string"},{text:`);
  AlibabaCloud::Cams20200606::Client client(config);

  AlibabaCloud::Cams20200606::Models::GetChatappPhoneNumberMetricRequest request;
`},{optional:"IsvCode",parts:[{text:"  request.setIsvCode("},{hole:"IsvCode",type:"string"},{text:`);
`}]},{optional:"CustSpaceId",parts:[{text:"  request.setCustSpaceId("},{hole:"CustSpaceId",type:"string"},{text:`);
`}]},{optional:"Granularity",parts:[{text:"  request.setGranularity("},{hole:"Granularity",type:"string"},{text:`);
`}]},{optional:"PhoneNumber",parts:[{text:"  request.setPhoneNumber("},{hole:"PhoneNumber",type:"string"},{text:`);
`}]},{text:"  request.setStart("},{hole:"Start",type:"int",example:"1693107714687"},{text:`);
  request.setEnd(`},{hole:"End",type:"int",example:"1693407714687"},{text:`);

  const auto response = client.getChatappPhoneNumberMetric(request);
  for (const auto &row : response.getBody().getData()) {
    std::cout << row.getStart() << " " << row.getPhoneNumber() << " " << row.getSentCount() << " " << row.getDeliveredCount() << "\\n";
  }
}
`}],community:!0},{id:"swift",title:"Swift",language:"swift",install:"Swift package: AlibabacloudCams20200606 of github.com/alibabacloud-sdk-swift/cams-20200606",file:"main.swift",community:!0,template:[{text:`import Foundation
import AlibabacloudCams20200606
import AlibabacloudOpenApi

open class Client {
    @available(macOS 10.15, iOS 13, tvOS 13, watchOS 6, *)
    public static func main(_ args: [String]?) async throws -> Void {
        let config: AlibabacloudOpenApi.Config = AlibabacloudOpenApi.Config([
            "accessKeyId": ProcessInfo.processInfo.environment["ALIBABA_CLOUD_ACCESS_KEY_ID"]!,
            "accessKeySecret": ProcessInfo.processInfo.environment["ALIBABA_CLOUD_ACCESS_KEY_SECRET"]!,
`},{optional:"protocol",parts:[{text:'            "protocol": '},{hole:"protocol",type:"string"},{text:`,
`}]},{text:'            "endpoint": '},{hole:"host",type:"string"},{text:`
        ])
        let client: AlibabacloudCams20200606.Client = try AlibabacloudCams20200606.Client(config)
        let request: AlibabacloudCams20200606.GetChatappPhoneNumberMetricRequest = AlibabacloudCams20200606.GetChatappPhoneNumberMetricRequest([
`},{optional:"IsvCode",parts:[{text:'            "IsvCode": '},{hole:"IsvCode",type:"string"},{text:`,
`}]},{optional:"CustSpaceId",parts:[{text:'            "CustSpaceId": '},{hole:"CustSpaceId",type:"string"},{text:`,
`}]},{optional:"Granularity",parts:[{text:'            "Granularity": '},{hole:"Granularity",type:"string"},{text:`,
`}]},{optional:"PhoneNumber",parts:[{text:'            "PhoneNumber": '},{hole:"PhoneNumber",type:"string"},{text:`,
`}]},{text:'            "Start": Int64('},{hole:"Start",type:"int",example:"1693107714687"},{text:`),
            "End": Int64(`},{hole:"End",type:"int",example:"1693407714687"},{text:`)
        ])
        let response: AlibabacloudCams20200606.GetChatappPhoneNumberMetricResponse = try await client.getChatappPhoneNumberMetric(request)
        for row in response.body?.data ?? [] {
            print(row.start ?? 0, row.phoneNumber ?? "", row.sentCount ?? 0, row.deliveredCount ?? 0)
        }
    }
}

try await Client.main(CommandLine.arguments)
`}]},{id:"rust",title:"Rust",language:"rust",install:"cargo add ureq@3 hmac@0.13 sha2@0.11 hex@0.4 jiff@1 getrandom@0.4",file:"src/main.rs",template:[{text:`use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::env;
use std::error::Error;

const URL: &str = `},{hole:"url",type:"string"},{text:`;
const HOST: &str = `},{hole:"host",type:"string"},{text:`;
const ACTION: &str = "GetChatappPhoneNumberMetric";
const VERSION: &str = "2020-06-06";

fn main() -> Result<(), Box<dyn Error>> {
    let id = env::var("ALIBABA_CLOUD_ACCESS_KEY_ID")?;
    let secret = env::var("ALIBABA_CLOUD_ACCESS_KEY_SECRET")?;

    let mut parameters: Vec<(&str, &str)> = vec![
`},{optional:"IsvCode",parts:[{text:'        ("IsvCode", '},{hole:"IsvCode",type:"string"},{text:`),
`}]},{optional:"CustSpaceId",parts:[{text:'        ("CustSpaceId", '},{hole:"CustSpaceId",type:"string"},{text:`),
`}]},{optional:"Granularity",parts:[{text:'        ("Granularity", '},{hole:"Granularity",type:"string"},{text:`),
`}]},{optional:"PhoneNumber",parts:[{text:'        ("PhoneNumber", '},{hole:"PhoneNumber",type:"string"},{text:`),
`}]},{text:'        ("Start", "'},{hole:"Start",type:"int",example:"1693107714687"},{text:`"),
        ("End", "`},{hole:"End",type:"int",example:"1693407714687"},{text:`"),
    ];
    parameters.sort();
    let query = parameters
        .iter()
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
        .collect::<Vec<_>>()
        .join("&");

    let body_hash = hex::encode(Sha256::digest(b""));
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce)?;
    let nonce = hex::encode(nonce);
    let headers = [
        ("host", HOST),
        ("x-acs-action", ACTION),
        ("x-acs-content-sha256", &body_hash),
        ("x-acs-date", &now),
        ("x-acs-signature-nonce", &nonce),
        ("x-acs-version", VERSION),
    ];
    let signed_headers = headers.map(|(name, _)| name).join(";");
    let header_lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\\n")).collect();
    let canonical_request = format!("POST\\n/\\n{query}\\n{header_lines}\\n{signed_headers}\\n{body_hash}");
    let string_to_sign = format!("ACS3-HMAC-SHA256\\n{}", hex::encode(Sha256::digest(canonical_request)));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())?;
    mac.update(string_to_sign.as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());

    let mut request = ureq::post(format!("{URL}/?{query}")).header(
        "authorization",
        format!("ACS3-HMAC-SHA256 Credential={id},SignedHeaders={signed_headers},Signature={signature}"),
    );
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let answer = request.config().http_status_as_error(false).build().send_empty()?;
    println!("{}", answer.into_body().read_to_string()?);
    Ok(())
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
`}]},{id:"curl",title:"curl",language:"shell",install:"bash, curl and openssl",file:"sample.sh",template:[{text:`#!/usr/bin/env bash
# Signed as every SDK does it (ACS3-HMAC-SHA256). On a machine with other users mind that
# openssl is given the secret as an argument.
set -euo pipefail

url=`},{hole:"url",type:"string"},{text:`
host=`},{hole:"host",type:"string"},{text:`
action='GetChatappPhoneNumberMetric'
version='2020-06-06'
# Sorted by name and percent-encoded, as it is signed.
query='`},{optional:"CustSpaceId",parts:[{text:"CustSpaceId="},{hole:"CustSpaceId",type:"query"},{text:"&"}]},{text:"End="},{hole:"End",type:"int",example:"1693407714687"},{optional:"Granularity",parts:[{text:"&Granularity="},{hole:"Granularity",type:"query"}]},{optional:"IsvCode",parts:[{text:"&IsvCode="},{hole:"IsvCode",type:"query"}]},{optional:"PhoneNumber",parts:[{text:"&PhoneNumber="},{hole:"PhoneNumber",type:"query"}]},{text:"&Start="},{hole:"Start",type:"int",example:"1693107714687"},{text:`'

sha256() { openssl dgst -sha256 -r | cut -d ' ' -f 1; }
body_hash=$(printf '' | sha256)
now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
nonce=$(openssl rand -hex 16)
signed_headers='host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version'
canonical_request="POST
/
$query
host:$host
x-acs-action:$action
x-acs-content-sha256:$body_hash
x-acs-date:$now
x-acs-signature-nonce:$nonce
x-acs-version:$version

$signed_headers
$body_hash"
string_to_sign="ACS3-HMAC-SHA256
$(printf '%s' "$canonical_request" | sha256)"
signature=$(printf '%s' "$string_to_sign" |
  openssl dgst -sha256 -mac HMAC -macopt "key:$ALIBABA_CLOUD_ACCESS_KEY_SECRET" -r | cut -d ' ' -f 1)

curl --silent --show-error --data '' "$url/?$query" \\
  --header 'content-type:' \\
  --header "x-acs-action: $action" \\
  --header "x-acs-content-sha256: $body_hash" \\
  --header "x-acs-date: $now" \\
  --header "x-acs-signature-nonce: $nonce" \\
  --header "x-acs-version: $version" \\
  --header "authorization: ACS3-HMAC-SHA256 Credential=$ALIBABA_CLOUD_ACCESS_KEY_ID,SignedHeaders=$signed_headers,Signature=$signature"
`}]},{id:"chatmetric",title:"chatmetric query",language:"shell",install:"comes with the server",file:"sample.sh",template:[{text:`# The AccessKey is that of ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET.
chatmetric query \\
  --endpoint=`},{hole:"url",type:"string"},{text:` \\
`},{optional:"IsvCode",parts:[{text:"  --isv-code="},{hole:"IsvCode",type:"string"},{text:` \\
`}]},{optional:"CustSpaceId",parts:[{text:"  --space="},{hole:"CustSpaceId",type:"string"},{text:` \\
`}]},{optional:"Granularity",parts:[{text:"  --granularity="},{choice:"Granularity",cases:{DAILY:"daily",HALF_HOUR:"half-hour"}},{text:` \\
`}]},{optional:"PhoneNumber",parts:[{text:"  --number="},{hole:"PhoneNumber",type:"string"},{text:` \\
`}]},{text:"  --start="},{hole:"Start",type:"int",example:"1693107714687"},{text:` \\
  --end=`},{hole:"End",type:"int",example:"1693407714687"},{text:` \\
  --output=json
`}]},{id:"aliyun",title:"aliyun CLI",language:"shell",install:"brew install aliyun-cli, or a release of github.com/aliyun/aliyun-cli",file:"sample.sh",template:[{text:`# Credentials are those of \`aliyun configure\` or of the environment. The command line wants
# a region; it is not looked at here.
aliyun cams GetChatappPhoneNumberMetric \\
  --endpoint=`},{hole:"host",type:"string"},{text:` \\
`},{optional:"protocol",parts:[{text:`  --insecure \\
`}]},{text:`  --region='ap-southeast-1' \\
`},{optional:"IsvCode",parts:[{text:"  --IsvCode="},{hole:"IsvCode",type:"string"},{text:` \\
`}]},{optional:"CustSpaceId",parts:[{text:"  --CustSpaceId="},{hole:"CustSpaceId",type:"string"},{text:` \\
`}]},{optional:"Granularity",parts:[{text:"  --Granularity="},{hole:"Granularity",type:"string"},{text:` \\
`}]},{optional:"PhoneNumber",parts:[{text:"  --PhoneNumber="},{hole:"PhoneNumber",type:"string"},{text:` \\
`}]},{text:"  --Start="},{hole:"Start",type:"int",example:"1693107714687"},{text:` \\
  --End=`},{hole:"End",type:"int",example:"1693407714687"},{text:`
`}]}],"*":[{id:"python",title:"Python",language:"python",install:"pip install alibabacloud-tea-openapi alibabacloud-tea-util",file:"sample.py",template:[{text:`# -*- coding: utf-8 -*-
import json
import os
import sys

from typing import List

from alibabacloud_tea_openapi import models as open_api_models
from alibabacloud_tea_openapi.client import Client as OpenApiClient
from alibabacloud_tea_util import models as util_models


class Sample:
    @staticmethod
    def main(
        args: List[str],
    ) -> None:
        config = open_api_models.Config(
            access_key_id=os.environ['ALIBABA_CLOUD_ACCESS_KEY_ID'],
            access_key_secret=os.environ['ALIBABA_CLOUD_ACCESS_KEY_SECRET'],
`},{optional:"protocol",parts:[{text:"            protocol="},{hole:"protocol",type:"string"},{text:`,
`}]},{text:"            endpoint="},{hole:"host",type:"string"},{text:`
        )
        client = OpenApiClient(config)
        params = open_api_models.Params(
            action='`},{hole:"action",type:"name"},{text:`',
            version=`},{hole:"version",type:"string"},{text:`,
            protocol='HTTPS',
            pathname='/',
            method='POST',
            auth_type='AK',
            style='RPC',
            req_body_type='formData',
            body_type='json'
        )
        request = open_api_models.OpenApiRequest(
            query={`},{each:"params",between:",",after:`
            }`,empty:"}",parts:[{text:`
                `},{hole:"key",type:"string"},{text:": "},{hole:"value",type:"string"}]},{text:`
        )
        runtime = util_models.RuntimeOptions()
        response = client.call_api(params, request, runtime)
        print(json.dumps(response['body'], indent=2, ensure_ascii=False))


if __name__ == '__main__':
    Sample.main(sys.argv[1:])
`}]},{id:"typescript",title:"TypeScript",language:"typescript",install:"npm install @alicloud/openapi-client @alicloud/tea-util",file:"sample.ts",template:[{text:`import OpenApi, * as $OpenApi from '@alicloud/openapi-client';
import * as $Util from '@alicloud/tea-util';


export default class Client {

  static async main(args: string[]): Promise<void> {
    let config = new $OpenApi.Config({
      accessKeyId: process.env.ALIBABA_CLOUD_ACCESS_KEY_ID,
      accessKeySecret: process.env.ALIBABA_CLOUD_ACCESS_KEY_SECRET,
`},{optional:"protocol",parts:[{text:"      protocol: "},{hole:"protocol",type:"string"},{text:`,
`}]},{text:"      endpoint: "},{hole:"host",type:"string"},{text:`,
    });
    let client = new OpenApi(config);
    let params = new $OpenApi.Params({
      action: "`},{hole:"action",type:"name"},{text:`",
      version: `},{hole:"version",type:"string"},{text:`,
      protocol: "HTTPS",
      pathname: "/",
      method: "POST",
      authType: "AK",
      style: "RPC",
      reqBodyType: "formData",
      bodyType: "json",
    });
    let request = new $OpenApi.OpenApiRequest({
      query: {`},{each:"params",after:`
      }`,empty:"}",parts:[{text:`
        `},{hole:"key",type:"string"},{text:": "},{hole:"value",type:"string"},{text:","}]},{text:`,
    });
    let runtime = new $Util.RuntimeOptions({ });
    let response = await client.callApi(params, request, runtime);
    console.log(JSON.stringify(response.body, null, 2));
  }

}

Client.main(process.argv.slice(2));
`}]},{id:"java",title:"Java",language:"java",install:"Maven or Gradle: com.aliyun:tea-openapi",file:"Sample.java",template:[{text:`import com.aliyun.tea.*;

public class Sample {

    public static void main(String[] args) throws Exception {
        com.aliyun.teaopenapi.models.Config config = new com.aliyun.teaopenapi.models.Config()
                .setAccessKeyId(System.getenv("ALIBABA_CLOUD_ACCESS_KEY_ID"))
                .setAccessKeySecret(System.getenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET"))
`},{optional:"protocol",parts:[{text:"                .setProtocol("},{hole:"protocol",type:"string"},{text:`)
`}]},{text:"                .setEndpoint("},{hole:"host",type:"string"},{text:`);
        com.aliyun.teaopenapi.Client client = new com.aliyun.teaopenapi.Client(config);
        com.aliyun.teaopenapi.models.Params params = new com.aliyun.teaopenapi.models.Params()
                .setAction("`},{hole:"action",type:"name"},{text:`")
                .setVersion(`},{hole:"version",type:"string"},{text:`)
                .setProtocol("HTTPS")
                .setPathname("/")
                .setMethod("POST")
                .setAuthType("AK")
                .setStyle("RPC")
                .setReqBodyType("formData")
                .setBodyType("json");
        com.aliyun.teaopenapi.models.OpenApiRequest request = new com.aliyun.teaopenapi.models.OpenApiRequest()
                .setQuery(TeaConverter.buildMap(`},{each:"params",between:",",after:`
                `,empty:"",parts:[{text:`
                    new TeaPair(`},{hole:"key",type:"string"},{text:", "},{hole:"value",type:"string"},{text:")"}]},{text:`));
        com.aliyun.teautil.models.RuntimeOptions runtime = new com.aliyun.teautil.models.RuntimeOptions();
        java.util.Map<String, ?> response = client.callApi(params, request, runtime);
        System.out.println(com.aliyun.teautil.Common.toJSONString(response.get("body")));
    }
}
`}]},{id:"java-async",title:"Java (async)",language:"java",install:"Maven or Gradle: com.aliyun:aliyun-gateway-pop",file:"Sample.java",template:[{text:`import com.aliyun.auth.credentials.Credential;
import com.aliyun.auth.credentials.provider.StaticCredentialProvider;
import com.aliyun.sdk.gateway.pop.Configuration;
import com.aliyun.sdk.gateway.pop.auth.SignatureVersion;
import com.aliyun.sdk.gateway.pop.clients.CommonAsyncClient;
import com.aliyun.sdk.gateway.pop.models.CommonRequest;
import com.google.gson.Gson;
import darabonba.core.client.ClientOverrideConfiguration;

public class Sample {
    public static void main(String[] args) throws Exception {
        StaticCredentialProvider credentials = StaticCredentialProvider.create(Credential.builder()
                .accessKeyId(System.getenv("ALIBABA_CLOUD_ACCESS_KEY_ID"))
                .accessKeySecret(System.getenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET"))
                .build());
        try (CommonAsyncClient client = CommonAsyncClient.builder()
                .credentialsProvider(credentials)
                .serviceConfiguration(Configuration.create().setSignatureVersion(SignatureVersion.V3))
                .overrideConfiguration(ClientOverrideConfiguration.create()
`},{optional:"protocol",parts:[{text:`                        .setProtocol("HTTP")
`}]},{text:"                        .setEndpointOverride("},{hole:"host",type:"string"},{text:`))
                .build()) {
            CommonRequest request = CommonRequest.builder()
                    .product("`},{hole:"product",type:"name"},{text:`")
                    .version(`},{hole:"version",type:"string"},{text:`)
                    .action("`},{hole:"action",type:"name"},{text:`")
`},{each:"params",parts:[{text:"                    .putQueryParameters("},{hole:"key",type:"string"},{text:", "},{hole:"value",type:"string"},{text:`)
`}]},{text:`                    .build();
            System.out.println(new Gson().toJson(client.callApi(request).get().getBody()));
        }
    }
}
`}]},{id:"go",title:"Go",language:"go",install:"go get github.com/alibabacloud-go/darabonba-openapi/v2/client",file:"main.go",template:[{text:`package main

import (
	"fmt"
	"os"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	"github.com/alibabacloud-go/tea/dara"
	"github.com/alibabacloud-go/tea/tea"
)

func _main(args []*string) (_err error) {
	config := &openapi.Config{
		AccessKeyId: tea.String(os.Getenv("ALIBABA_CLOUD_ACCESS_KEY_ID")),
		AccessKeySecret: tea.String(os.Getenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET")),
`},{optional:"protocol",parts:[{text:"		Protocol: tea.String("},{hole:"protocol",type:"string"},{text:`),
`}]},{text:"		Endpoint: tea.String("},{hole:"host",type:"string"},{text:`),
	}
	client, _err := openapi.NewClient(config)
	if _err != nil {
		return _err
	}

	params := &openapi.Params{
		Action: tea.String("`},{hole:"action",type:"name"},{text:`"),
		Version: tea.String(`},{hole:"version",type:"string"},{text:`),
		Protocol: tea.String("HTTPS"),
		Pathname: tea.String("/"),
		Method: tea.String("POST"),
		AuthType: tea.String("AK"),
		Style: tea.String("RPC"),
		ReqBodyType: tea.String("formData"),
		BodyType: tea.String("json"),
	}
	request := &openapi.OpenApiRequest{
		Query: map[string]*string{`},{each:"params",after:`
		}`,empty:"}",parts:[{text:`
			`},{hole:"key",type:"string"},{text:": tea.String("},{hole:"value",type:"string"},{text:"),"}]},{text:`,
	}
	runtime := &dara.RuntimeOptions{}
	response, _err := client.CallApi(params, request, runtime)
	if _err != nil {
		return _err
	}

	fmt.Println(tea.Prettify(response["body"]))
	return _err
}

func main() {
	err := _main(tea.StringSlice(os.Args[1:]))
	if err != nil {
		panic(err)
	}
}
`}]},{id:"php",title:"PHP",language:"php",install:"composer require alibabacloud/openapi-core",file:"sample.php",community:!0,template:[{text:`<?php

namespace Sample;

use Darabonba\\OpenApi\\OpenApiClient;
use Darabonba\\OpenApi\\Models\\Config;
use Darabonba\\OpenApi\\Models\\Params;
use Darabonba\\OpenApi\\Models\\OpenApiRequest;
use AlibabaCloud\\Dara\\Models\\RuntimeOptions;

class Sample {

    public static function main($args){
        $config = new Config([
            "accessKeyId" => getenv("ALIBABA_CLOUD_ACCESS_KEY_ID"),
            "accessKeySecret" => getenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET"),
`},{optional:"protocol",parts:[{text:'            "protocol" => '},{hole:"protocol",type:"string"},{text:`,
`}]},{text:'            "endpoint" => '},{hole:"host",type:"string"},{text:`
        ]);
        $client = new OpenApiClient($config);
        $params = new Params([
            "action" => "`},{hole:"action",type:"name"},{text:`",
            "version" => `},{hole:"version",type:"string"},{text:`,
            "protocol" => "HTTPS",
            "pathname" => "/",
            "method" => "POST",
            "authType" => "AK",
            "style" => "RPC",
            "reqBodyType" => "formData",
            "bodyType" => "json"
        ]);
        $request = new OpenApiRequest([
            "query" => [`},{each:"params",between:",",after:`
            ]`,empty:"]",parts:[{text:`
                `},{hole:"key",type:"string"},{text:" => "},{hole:"value",type:"string"}]},{text:`
        ]);
        $runtime = new RuntimeOptions([]);
        $response = $client->callApi($params, $request, $runtime);
        echo json_encode($response["body"], JSON_PRETTY_PRINT | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE), "\\n";
    }
}

require_once __DIR__ . '/vendor/autoload.php';
Sample::main(array_slice($argv, 1));
`}]},{id:"csharp",title:"C#",language:"csharp",install:"dotnet add package AlibabaCloud.OpenApiClient && dotnet add package AlibabaCloud.TeaUtil",file:"Sample.cs",community:!0,template:[{text:`using System;
using System.Collections.Generic;

namespace Sample
{
    public class Sample
    {

        public static void Main(string[] args)
        {
            AlibabaCloud.OpenApiClient.Models.Config config = new AlibabaCloud.OpenApiClient.Models.Config
            {
                AccessKeyId = Environment.GetEnvironmentVariable("ALIBABA_CLOUD_ACCESS_KEY_ID"),
                AccessKeySecret = Environment.GetEnvironmentVariable("ALIBABA_CLOUD_ACCESS_KEY_SECRET"),
`},{optional:"protocol",parts:[{text:"                Protocol = "},{hole:"protocol",type:"string"},{text:`,
`}]},{text:"                Endpoint = "},{hole:"host",type:"string"},{text:`,
            };
            AlibabaCloud.OpenApiClient.Client client = new AlibabaCloud.OpenApiClient.Client(config);
            AlibabaCloud.OpenApiClient.Models.Params params_ = new AlibabaCloud.OpenApiClient.Models.Params
            {
                Action = "`},{hole:"action",type:"name"},{text:`",
                Version = `},{hole:"version",type:"string"},{text:`,
                Protocol = "HTTPS",
                Pathname = "/",
                Method = "POST",
                AuthType = "AK",
                Style = "RPC",
                ReqBodyType = "formData",
                BodyType = "json",
            };
            AlibabaCloud.OpenApiClient.Models.OpenApiRequest request = new AlibabaCloud.OpenApiClient.Models.OpenApiRequest
            {
                Query = new Dictionary<string, string>
                {`},{each:"params",after:`
                }`,empty:"}",parts:[{text:`
                    {`},{hole:"key",type:"string"},{text:", "},{hole:"value",type:"string"},{text:"},"}]},{text:`,
            };
            AlibabaCloud.TeaUtil.Models.RuntimeOptions runtime = new AlibabaCloud.TeaUtil.Models.RuntimeOptions();
            Dictionary<string, object> response = client.CallApi(params_, request, runtime);
            Console.WriteLine(AlibabaCloud.TeaUtil.Common.ToJSONString(response["body"]));
        }
    }
}
`}]},{id:"cpp",title:"C++",language:"cpp",install:"git clone https://github.com/aliyun/darabonba-openapi, then build its cpp with CMake",file:"main.cpp",template:[{text:`#include <alibabacloud/Openapi.hpp>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>

int main() {
  AlibabaCloud::OpenApi::Utils::Models::Config config;
  config.setAccessKeyId(std::getenv("ALIBABA_CLOUD_ACCESS_KEY_ID"));
  config.setAccessKeySecret(std::getenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET"));
`},{optional:"protocol",parts:[{text:"  config.setProtocol("},{hole:"protocol",type:"string"},{text:`);
`}]},{text:"  config.setEndpoint("},{hole:"host",type:"string"},{text:`);
  AlibabaCloud::OpenApi::Client client(config);

  AlibabaCloud::OpenApi::Utils::Models::Params params;
  params.setAction("`},{hole:"action",type:"name"},{text:`");
  params.setVersion(`},{hole:"version",type:"string"},{text:`);
  params.setProtocol("HTTPS");
  params.setPathname("/");
  params.setMethod("POST");
  params.setAuthType("AK");
  params.setStyle("RPC");
  params.setReqBodyType("formData");
  params.setBodyType("json");

  std::map<std::string, std::string> query;
`},{each:"params",parts:[{text:"  query["},{hole:"key",type:"string"},{text:"] = "},{hole:"value",type:"string"},{text:`;
`}]},{text:`  AlibabaCloud::OpenApi::Utils::Models::OpenApiRequest request;
  request.setQuery(query);

  const auto response = client.callApi(params, request, Darabonba::RuntimeOptions());
  std::cout << response.at("body").dump(2) << "\\n";
}
`}],community:!0},{id:"swift",title:"Swift",language:"swift",install:"Swift package: AlibabacloudOpenApi of github.com/alibabacloud-sdk-swift/darabonba-openapi",file:"main.swift",community:!0,template:[{text:`import Foundation
import AlibabacloudOpenApi
import TeaUtils

open class Client {
    @available(macOS 10.15, iOS 13, tvOS 13, watchOS 6, *)
    public static func main(_ args: [String]?) async throws -> Void {
        let config: AlibabacloudOpenApi.Config = AlibabacloudOpenApi.Config([
            "accessKeyId": ProcessInfo.processInfo.environment["ALIBABA_CLOUD_ACCESS_KEY_ID"]!,
            "accessKeySecret": ProcessInfo.processInfo.environment["ALIBABA_CLOUD_ACCESS_KEY_SECRET"]!,
`},{optional:"protocol",parts:[{text:'            "protocol": '},{hole:"protocol",type:"string"},{text:`,
`}]},{text:'            "endpoint": '},{hole:"host",type:"string"},{text:`
        ])
        let client: AlibabacloudOpenApi.Client = try AlibabacloudOpenApi.Client(config)
        let params: AlibabacloudOpenApi.Params = AlibabacloudOpenApi.Params([
            "action": "`},{hole:"action",type:"name"},{text:`",
            "version": `},{hole:"version",type:"string"},{text:`,
            "protocol": "HTTPS",
            "pathname": "/",
            "method": "POST",
            "authType": "AK",
            "style": "RPC",
            "reqBodyType": "formData",
            "bodyType": "json"
        ])
        let request: AlibabacloudOpenApi.OpenApiRequest = AlibabacloudOpenApi.OpenApiRequest([
            "query": [`},{each:"params",between:",",after:`
            ] as [String: String]`,empty:":] as [String: String]",parts:[{text:`
                `},{hole:"key",type:"string"},{text:": "},{hole:"value",type:"string"}]},{text:`
        ])
        let runtime: TeaUtils.RuntimeOptions = TeaUtils.RuntimeOptions([:])
        let response: [String: Any] = try await client.callApi(params, request, runtime)
        print(TeaUtils.Client.toJSONString(response["body"]))
    }
}

try await Client.main(CommandLine.arguments)
`}]},{id:"rust",title:"Rust",language:"rust",install:"cargo add ureq@3 hmac@0.13 sha2@0.11 hex@0.4 jiff@1 getrandom@0.4",file:"src/main.rs",template:[{text:`use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::env;
use std::error::Error;

const URL: &str = `},{hole:"url",type:"string"},{text:`;
const HOST: &str = `},{hole:"host",type:"string"},{text:`;
const ACTION: &str = "`},{hole:"action",type:"name"},{text:`";
const VERSION: &str = `},{hole:"version",type:"string"},{text:`;

fn main() -> Result<(), Box<dyn Error>> {
    let id = env::var("ALIBABA_CLOUD_ACCESS_KEY_ID")?;
    let secret = env::var("ALIBABA_CLOUD_ACCESS_KEY_SECRET")?;

    let mut parameters: Vec<(&str, &str)> = vec![
`},{each:"params",parts:[{text:"        ("},{hole:"key",type:"string"},{text:", "},{hole:"value",type:"string"},{text:`),
`}]},{text:`    ];
    parameters.sort();
    let query = parameters
        .iter()
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
        .collect::<Vec<_>>()
        .join("&");

    let body_hash = hex::encode(Sha256::digest(b""));
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce)?;
    let nonce = hex::encode(nonce);
    let headers = [
        ("host", HOST),
        ("x-acs-action", ACTION),
        ("x-acs-content-sha256", &body_hash),
        ("x-acs-date", &now),
        ("x-acs-signature-nonce", &nonce),
        ("x-acs-version", VERSION),
    ];
    let signed_headers = headers.map(|(name, _)| name).join(";");
    let header_lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\\n")).collect();
    let canonical_request = format!("POST\\n/\\n{query}\\n{header_lines}\\n{signed_headers}\\n{body_hash}");
    let string_to_sign = format!("ACS3-HMAC-SHA256\\n{}", hex::encode(Sha256::digest(canonical_request)));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())?;
    mac.update(string_to_sign.as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());

    let mut request = ureq::post(format!("{URL}/?{query}")).header(
        "authorization",
        format!("ACS3-HMAC-SHA256 Credential={id},SignedHeaders={signed_headers},Signature={signature}"),
    );
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let answer = request.config().http_status_as_error(false).build().send_empty()?;
    println!("{}", answer.into_body().read_to_string()?);
    Ok(())
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
`}]},{id:"curl",title:"curl",language:"shell",install:"bash, curl and openssl",file:"sample.sh",template:[{text:`#!/usr/bin/env bash
# Signed as every SDK does it (ACS3-HMAC-SHA256). On a machine with other users mind that
# openssl is given the secret as an argument.
set -euo pipefail

url=`},{hole:"url",type:"string"},{text:`
host=`},{hole:"host",type:"string"},{text:`
action='`},{hole:"action",type:"name"},{text:`'
version=`},{hole:"version",type:"string"},{text:`
# Sorted by name and percent-encoded, as it is signed.
query='`},{each:"params",sorted:!0,between:"&",parts:[{hole:"key",type:"query"},{text:"="},{hole:"value",type:"query"}]},{text:`'

sha256() { openssl dgst -sha256 -r | cut -d ' ' -f 1; }
body_hash=$(printf '' | sha256)
now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
nonce=$(openssl rand -hex 16)
signed_headers='host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version'
canonical_request="POST
/
$query
host:$host
x-acs-action:$action
x-acs-content-sha256:$body_hash
x-acs-date:$now
x-acs-signature-nonce:$nonce
x-acs-version:$version

$signed_headers
$body_hash"
string_to_sign="ACS3-HMAC-SHA256
$(printf '%s' "$canonical_request" | sha256)"
signature=$(printf '%s' "$string_to_sign" |
  openssl dgst -sha256 -mac HMAC -macopt "key:$ALIBABA_CLOUD_ACCESS_KEY_SECRET" -r | cut -d ' ' -f 1)

curl --silent --show-error --data '' "$url/?$query" \\
  --header 'content-type:' \\
  --header "x-acs-action: $action" \\
  --header "x-acs-content-sha256: $body_hash" \\
  --header "x-acs-date: $now" \\
  --header "x-acs-signature-nonce: $nonce" \\
  --header "x-acs-version: $version" \\
  --header "authorization: ACS3-HMAC-SHA256 Credential=$ALIBABA_CLOUD_ACCESS_KEY_ID,SignedHeaders=$signed_headers,Signature=$signature"
`}]},{id:"aliyun",title:"aliyun CLI",language:"shell",install:"brew install aliyun-cli, or a release of github.com/aliyun/aliyun-cli",file:"sample.sh",template:[{text:"# Credentials are those of `aliyun configure` or of the environment. The command line wants\n# a region; it is not looked at here.\naliyun "},{hole:"productLower",type:"name"},{text:" "},{hole:"action",type:"name"},{text:` \\
  --endpoint=`},{hole:"host",type:"string"},{text:` \\
`},{optional:"protocol",parts:[{text:`  --insecure \\
`}]},{text:`  --region='ap-southeast-1' \\
  --version=`},{hole:"version",type:"string"},{text:` \\
`},{each:"params",parts:[{text:"  --"},{hole:"key",type:"name"},{text:"="},{hole:"value",type:"string"},{text:` \\
`}]},{text:`  --force
`}]}]},a={operations:n};export{a as default,n as operations};
