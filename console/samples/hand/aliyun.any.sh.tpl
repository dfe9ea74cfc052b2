# Credentials are those of `aliyun configure` or of the environment. The command line wants
# a region; it is not looked at here.
aliyun ⟦productLower:name⟧ ⟦action:name⟧ \
  --endpoint=⟦host:string⟧ \
⟦?protocol⟧  --insecure \
⟦/⟧  --region='ap-southeast-1' \
  --version=⟦version:string⟧ \
⟦*⟧  --⟦key:name⟧=⟦value:string⟧ \
⟦/⟧  --force
