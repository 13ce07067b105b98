{{/* A deployment of one part: its name, its image's ending, its command if not the image's own. */}}
{{- define "vibe.part" -}}
apiVersion: apps/v1
kind: Deployment
metadata: {name: vibe-{{ .part }}}
spec:
  replicas: 1
  strategy: {type: Recreate}
  selector: {matchLabels: {app.kubernetes.io/name: {{ .part }}}}
  template:
    metadata: {labels: {app.kubernetes.io/name: {{ .part }}, app.kubernetes.io/part-of: vibe}}
    spec:
      serviceAccountName: vibe-runs
      securityContext: {runAsUser: 10001, runAsGroup: 10001, fsGroup: 10001, runAsNonRoot: true}
      containers:
        - name: {{ .part }}
          image: {{ .root.Values.image.repository }}-{{ .part }}:{{ .root.Values.image.tag }}
          {{- with .command }}
          command: {{ . | toJson }}
          {{- end }}
          envFrom:
            - configMapRef: {name: vibe}
            - secretRef: {name: {{ .root.Values.secret }}}
          {{- with .port }}
          ports: [{containerPort: {{ . }}}]
          readinessProbe: {tcpSocket: {port: {{ . }}}}
          {{- end }}
          securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
          volumeMounts:
            - {name: home, mountPath: /var/lib/vibe}
            - {name: token, mountPath: /var/lib/vibe/webserver.token, subPath: webserver.token}
            - {name: dagster, mountPath: /opt/dagster/dagster.yaml, subPath: dagster.yaml}
            - {name: dagster, mountPath: /opt/dagster/workspace.yaml, subPath: workspace.yaml}
      volumes:
        - {name: home, persistentVolumeClaim: {claimName: vibe-home}}
        - {name: token, secret: {secretName: {{ .root.Values.secret }}}}
        - {name: dagster, configMap: {name: vibe-dagster}}
{{- end -}}
{{- define "vibe.service" -}}
apiVersion: v1
kind: Service
metadata: {name: vibe-{{ .part }}}
spec:
  selector: {app.kubernetes.io/name: {{ .part }}}
  ports: [{port: {{ .port }}}]
{{- end -}}
